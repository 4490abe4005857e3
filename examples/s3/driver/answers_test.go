package driver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// README.md says of each request what proves its success and what proves that something is not there, as the code does.
func TestProofsInReadme(t *testing.T) {
	t.Parallel()
	var want []string
	for request, p := range proofs {
		success := "`<" + p.root + ">`"
		if p.empty != 0 {
			success = fmt.Sprint(p.empty, " without a body")
		}
		absent := "nothing"
		if p.absent != "" {
			absent = "`" + strings.ReplaceAll(p.absent, ", ", "`, `") + "`"
		}
		want = append(want, fmt.Sprintf("| %s | %s | %s |", request, success, absent))
	}
	readme, err := os.ReadFile(filepath.Join(readmeFolder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`(?m)^\| [A-Z][A-Za-z]+ \| (`+"`<|200|204"+`)[^|]* \| [^|]* \|`).FindAllString(string(readme), -1)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("README.md has\n%s\nand the code\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Only the store's own answer is a success or an error; anything else is neither.
func TestProofs(t *testing.T) {
	t.Parallel()
	tagging := "<?xml version=\"1.0\"?>\n<Tagging><TagSet></TagSet></Tagging>\n"
	for _, row := range []struct {
		request string
		status  int
		body    string
		proves  bool
	}{
		{"GetBucketTagging", http.StatusOK, tagging, true},
		{"GetBucketTagging", http.StatusOK, tagging[:len(tagging)-5], false},
		{"GetBucketTagging", http.StatusOK, tagging + tagging, false},
		{"GetBucketTagging", http.StatusOK, tagging + "</Tagging>", false},
		{"GetBucketTagging", http.StatusOK, "", false},
		{"GetBucketTagging", http.StatusNotFound, tagging, false},
		{"GetBucketTagging", http.StatusOK, "<html><body>Tagging</body></html>", false},
		{"GetBucketTagging", http.StatusOK, `{"Tagging":{}}`, false},
		{"GetBucketTagging", http.StatusOK, "<Tagging>" + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + "</Tagging>", false},
		{"DeleteBucket", http.StatusNoContent, "", true},
		{"DeleteBucket", http.StatusOK, "", false},
		{"DeleteBucket", http.StatusOK, tagging, false},
		{"PutBucketVersioning", http.StatusOK, "", true},
		{"PutBucketVersioning", http.StatusOK, "<html></html>", false},
		{"DeleteUser", http.StatusOK, "<DeleteUserResponse></DeleteUserResponse>", true},
		{"DeleteUser", http.StatusOK, "<DeleteUserPolicyResponse></DeleteUserPolicyResponse>", false},
		{"Unheard", http.StatusOK, "<UnheardResponse/>", false},
	} {
		if got := proofs[row.request].proves(row.status, []byte(row.body)); got != row.proves {
			t.Errorf("%s, HTTP %d, %q: proves success: %t", row.request, row.status, row.body, got)
		}
	}
	for body, want := range map[string]bool{
		"<Error><Code>NoSuchBucket</Code></Error>":                                true,
		"<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>": true,
		"<Error><Code></Code></Error>":                                            false,
		"<Error><Message>NoSuchBucket</Message></Error>":                          false,
		"<Error><Code>NoSuchBucket</Code>":                                        false,
		"<html><Error><Code>NoSuchBucket</Code></Error></html>":                   false,
		`{"Error":{"Code":"NoSuchBucket"}}`:                                       false,
		"":                                                                        false,
	} {
		if got := isError([]byte(body)); got != want {
			t.Errorf("%q: an error of the store: %t", body, got)
		}
	}
}

// What is told of an answer holds no part of what may be a key, wherever the text is cut.
func TestDescribeHidesKeys(t *testing.T) {
	t.Parallel()
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	for before := range 400 {
		body := strings.Repeat("x", before) + " " + secret
		got := describe(&http.Response{StatusCode: http.StatusOK}, []byte(body), longestAnswer, false)
		if strings.Contains(got, secret[:4]) {
			t.Errorf("%d characters before it: %s", before, got)
		}
	}
}

// Nor does what the admin API of Ceph answers, where a key may be in anything.
func TestCephClientHidesKeys(t *testing.T) {
	t.Parallel()
	const secret = "short-secret"
	for _, status := range []int{http.StatusOK, http.StatusForbidden, http.StatusInternalServerError} {
		for _, body := range []string{`{"user_id":7,"keys":[{"secret_key":"` + secret + `"}]}`, secret, `{"user_id":"a","x":` + secret} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			t.Cleanup(server.Close)
			s := Settings{Store: Ceph, Endpoint: server.URL, AccessKey: "key", SecretKey: "secret", pace: pace{longest: time.Millisecond}}
			_, err := newCephAccounts(s.connected()).look(t.Context(), account{name: "a", bucket: "b"})
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("HTTP %d %s: %v", status, body, err)
			}
		}
	}
}

// readmeFolder is the folder of README.md. It is found before the embedded store changes the working directory.
var readmeFolder = func() string {
	folder, err := filepath.Abs("..")
	if err != nil {
		panic(err)
	}
	return folder
}()
