package monitoring_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// store answers as an S3 store with IAM, or as Azure Blob Storage, to what readiness asks for. It may refuse every key, or answer
// nothing.
type store struct {
	*httptest.Server

	refuses, hangs atomic.Bool
}

// startStore starts a store that stops after the test.
func startStore(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, refuse bool)) *store {
	t.Helper()
	s := &store{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for s.hangs.Load() && r.Context().Err() == nil {
			time.Sleep(50 * time.Millisecond)
		}
		answer(w, r, s.refuses.Load())
	}))
	t.Cleanup(s.Close)
	return s
}

func answerS3(w http.ResponseWriter, r *http.Request, refuse bool) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Amz-Request-Id", "1")
	w.Header().Set("Content-Type", "application/xml")
	iam := strings.Contains(string(body), "Action=")
	switch {
	case refuse && iam:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>`)
	case refuse:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>`)
	case iam:
		_, _ = io.WriteString(w, `<ListUsersResponse><ListUsersResult><IsTruncated>false</IsTruncated><Users></Users></ListUsersResult></ListUsersResponse>`)
	default:
		_, _ = io.WriteString(w, `<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>`)
	}
}

func answerAzure(w http.ResponseWriter, _ *http.Request, refuse bool) {
	w.Header().Set("X-Ms-Request-Id", "1")
	w.Header().Set("X-Ms-Version", "2024-11-04")
	w.Header().Set("Content-Type", "application/xml")
	if refuse {
		w.Header().Set("X-Ms-Error-Code", "AuthenticationFailed")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<Error><Code>AuthenticationFailed</Code><Message>no</Message></Error>`)
		return
	}
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties></StorageServiceProperties>`)
}
