package redact_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

func FuzzText(f *testing.F) {
	for _, form := range forms {
		f.Add(form, canary, "sesame")
	}
	f.Add("a abcabcabc \u202e\xff b", "abcabc", "cabcab")
	f.Add(strings.Repeat("key=[", 900)+"sesame", "sesame", "key=[k")
	f.Fuzz(func(t *testing.T, text, one, two string) {
		secrets := []string{one, two}
		got := redact.Text(text, secrets)
		if len(got) > bound.Text || !utf8.ValidString(got) {
			t.Errorf("%q becomes %d bytes: %q", text, len(got), got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && r != '\t' && bound.Control(r) }); i >= 0 {
			t.Errorf("%q becomes %q, want no control characters", text, got)
		}
		for _, s := range secrets {
			if len(s) >= 6 && strings.Contains(got, s) && !writesLike(s) {
				t.Errorf("%q becomes %q, want it without %q", text, got, s)
			}
		}
		if twice := redact.Text(got, secrets); len(twice) > bound.Text || !utf8.ValidString(twice) {
			t.Errorf("%q becomes %q", got, twice)
		}
	})
}

// writesLike reports whether Text may write the secret itself: as a part of a mask, of an escape or of the end of a long
// text, or with the character that replaces invalid ones.
func writesLike(secret string) bool {
	return strings.ContainsAny(secret, `[]\`) || strings.Contains(redact.Mask, secret) || strings.Contains(secret, "...(") ||
		strings.Contains(secret, " bytes)") || strings.ContainsRune(secret, utf8.RuneError)
}

func FuzzMessage(f *testing.F) {
	for _, m := range []proto.Message{
		&cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: map[string]*cosi.CredentialDetails{
			"s3": {Secrets: map[string]string{"accessSecretKey": canary}}, "": {},
		}},
		&cosi.DriverCreateBucketResponse{BucketId: "b", BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: "r"}}}},
		&cosi.DriverCreateBucketRequest{Name: "b", Parameters: map[string]string{"k": canary}},
	} {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, m := range []proto.Message{
			&cosi.DriverGrantBucketAccessResponse{}, &cosi.DriverCreateBucketResponse{}, &cosi.DriverCreateBucketRequest{},
			&cosi.DriverGrantBucketAccessRequest{},
		} {
			_ = proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(raw, m) // what was read before an error counts too
			checkMessage(t, "fuzzed", m)
		}
	})
}

// checkMessage checks that a message becomes valid JSON within its bound, without a value of its maps in it.
func checkMessage(t *testing.T, name string, m proto.Message) {
	t.Helper()
	var line strings.Builder
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v1alpha1.Fields.Message(m)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if line.Len() > bound.Payload/2 {
		t.Errorf("%s becomes %d bytes, want at most %d: %.200s", name, line.Len(), bound.Payload/2, line.String())
	}
	if name != "fuzzed" && strings.Contains(line.String(), canary) { // a fuzzed name may be the canary
		t.Errorf("%s becomes %s, want no secret", name, line.String())
	}
	v1alpha1.Fields.Values(m, m)
}
