package driver

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Nothing is read out of an answer that is not the store's: a page of a proxy that says 200 or 404 is neither a success nor
// the absence of anything. What the store's own answer to a request looks like stands in this file.

// success is what the store's answer to a request looks like when it did what it was asked for.
type success struct {
	root  string // the element that its XML begins with; "": no XML at all
	empty int    // the status of an answer without a body; 0: there is none
}

// successes lists the requests to S3. An answer of IAM begins with the name of its action: see successOf.
//
//nolint:gochecknoglobals // a table that nothing changes
var successes = map[string]success{
	"ListBuckets":          {root: "ListAllMyBucketsResult"},
	"CreateBucket":         {root: "CreateBucketResult", empty: http.StatusOK}, // proven by the tags that are read back
	"DeleteBucket":         {empty: http.StatusNoContent},
	"GetBucketTagging":     {root: "Tagging"},
	"PutBucketTagging":     {empty: http.StatusOK}, // proven by the tags that are read back; some stores send 204
	"PutBucketVersioning":  {empty: http.StatusOK}, // proven by what is read back
	"GetBucketVersioning":  {root: "VersioningConfiguration"},
	"ListObjectVersions":   {root: "ListVersionsResult"},
	"DeleteObjects":        {root: "DeleteResult"},
	"DeleteObject":         {empty: http.StatusNoContent},
	"ListMultipartUploads": {root: "ListMultipartUploadsResult"},
	"AbortMultipartUpload": {empty: http.StatusNoContent},
}

func successOf(operation string) success {
	if s, ok := successes[operation]; ok {
		return s
	}
	return success{root: operation + "Response"} // IAM's
}

// takes says whether an answer is that success.
func (s success) takes(httpStatus int, body []byte, root string) bool {
	switch {
	case httpStatus < 200 || httpStatus > 299:
		return false
	case len(bytes.TrimSpace(body)) == 0:
		return s.empty != 0 && (httpStatus == s.empty || httpStatus == http.StatusNoContent)
	}
	return s.root != "" && root == s.root
}

// What an answer may cost.
const (
	longestAnswer  = 8 << 20          // bytes; a page of a thousand of the longest keys has about 4 MiB
	deepestAnswer  = 32               // elements inside of each other
	patienceAnswer = 15 * time.Second // from the request to the last byte
)

// strange is an answer that is not the store's, or none within the bounds.
type strange struct {
	httpStatus int // 0: none came
	what       string
	retryAfter string // the header
}

func (s *strange) Error() string { return s.what }

// HTTPStatusCode is for the SDK.
func (s *strange) HTTPStatusCode() int { return s.httpStatus }

// RetryableError tells the SDK to try again what passes by itself, and nothing that costs as much each time.
func (s *strange) RetryableError() bool { return busy(s.httpStatus) }

func busy(httpStatus int) bool {
	return httpStatus == http.StatusTooManyRequests || httpStatus == http.StatusRequestTimeout || httpStatus >= http.StatusInternalServerError
}

// recognize lets pass what the store answers, within bounds. It stands before everything of the SDK that reads an answer.
type recognize struct {
	patience time.Duration
	longest  int64 // bytes
}

func (*recognize) ID() string { return "Recognize" }

func (r *recognize) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	bounded, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	out, metadata, err := next.HandleDeserialize(bounded, in)
	if err == nil {
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok {
			err = r.inspect(awsmiddleware.GetOperationName(ctx), response)
		}
	}
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		err = &strange{what: fmt.Sprintf("the store does not answer within %v", r.patience)}
	}
	return out, metadata, err
}

// inspect reads an answer to its end, and returns an error if it is not the store's.
func (r *recognize) inspect(operation string, response *smithyhttp.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, r.longest+1))
	_ = response.Body.Close()
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // such as a connection that was reset
		return err
	}
	root, whole := document(body)
	switch {
	case err != nil, int64(len(body)) > r.longest: // cut short by itself, or by us
	case successOf(operation).takes(response.StatusCode, body, root), whole && response.StatusCode >= 300 && hasCode(body):
		response.Body = io.NopCloser(bytes.NewReader(body))
		return nil
	}
	return &strange{
		httpStatus: response.StatusCode, retryAfter: response.Header.Get("Retry-After"),
		what: "not the store's answer: " + r.describe(operation, response, body),
	}
}

// document returns the name of the root of a whole XML document; "" and false for anything else. It looks at each token by
// itself, as a document may be nested so deeply that following it costs more than its length.
func document(body []byte) (root string, whole bool) {
	tokens := xml.NewDecoder(bytes.NewReader(body))
	for depth := 0; ; {
		token, err := tokens.RawToken()
		if err != nil {
			return root, errors.Is(err, io.EOF) && root != "" && depth == 0
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 && root != "" || depth == deepestAnswer {
				return "", false
			}
			if depth == 0 {
				root = t.Name.Local
			}
			depth++
		case xml.EndElement:
			depth--
		}
		if depth < 0 {
			return "", false
		}
	}
}

// hasCode says whether a document is an error of S3 or of IAM, with a code.
func hasCode(body []byte) bool {
	var s3Error struct {
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
	}
	var iamError struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Code    string   `xml:"Error>Code"`
	}
	return xml.Unmarshal(body, &s3Error) == nil && s3Error.Code != "" ||
		xml.Unmarshal(body, &iamError) == nil && iamError.Code != ""
}

// describe says what came instead: enough to tell a proxy's page from a portal's, and nothing that could be a secret.
func (r *recognize) describe(operation string, response *smithyhttp.Response, body []byte) string {
	text := fmt.Sprintf("HTTP %d", response.StatusCode)
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err == nil && len(kind) <= 40 {
		text += " " + kind
	}
	switch {
	case len(body) == 0:
		return text + ", nothing in it"
	case int64(len(body)) > r.longest:
		return text + fmt.Sprintf(", more than %d bytes", r.longest)
	case operation == "CreateAccessKey": // a key may be anywhere in it
		return text + fmt.Sprintf(", %d bytes", len(body))
	}
	const shown = 48
	begin := masked.ReplaceAllString(strings.ToValidUTF8(string(body[:min(len(body), 4*shown)]), "?"), "…")
	return text + fmt.Sprintf(", begins %.*q", shown, begin)
}

// masked is what could be a part of a key.
var masked = regexp.MustCompile(`[A-Za-z0-9+/=_-]{16,}`)

// withRecognition adds the stage to each request of a client.
func withRecognition(p pace) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(&recognize{patience: p.patience, longest: p.answer}, middleware.After)
	}
}
