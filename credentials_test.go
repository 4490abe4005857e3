package gocosi_test

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// keysOfS3 returns S3 credentials with the password as their secret.
func keysOfS3() *gocosi.S3Credentials {
	return &gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r-1", AccessKeyID: "AKIDEXAMPLE", AccessSecretKey: password}
}

// tokenOfAzure returns Azure credentials with the password as their token.
func tokenOfAzure() *gocosi.AzureCredentials {
	return &gocosi.AzureCredentials{AccessToken: password, Expiry: time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)}
}

// tells reports whether a text shows the password, in clear or in hexadecimal.
func tells(text string) bool {
	plain := strings.NewReplacer(" ", "", "0x", "", ",", "").Replace(strings.ToLower(text))
	return strings.Contains(text, password) || strings.Contains(plain, hex.EncodeToString([]byte(password)))
}

// shapes lists credentials alone and within other values.
func shapes() map[string]any {
	type open struct {
		S3    gocosi.S3Credentials
		Azure gocosi.AzureCredentials
		Any   any
		List  []gocosi.S3Credentials
	}
	type hiding struct {
		s3    *gocosi.S3Credentials
		azure *gocosi.AzureCredentials
	}
	s3, azure := *keysOfS3(), *tokenOfAzure()
	everything := open{s3, azure, s3, []gocosi.S3Credentials{s3}}
	return map[string]any{
		"S3":                     s3,
		"Azure":                  azure,
		"pointer to S3":          &s3,
		"pointer to Azure":       &azure,
		"in a struct":            everything,
		"in a struct, pointer":   &everything,
		"pointers in a struct":   struct{ S3 *gocosi.S3Credentials }{&s3},
		"unexported pointers":    hiding{&s3, &azure},
		"in slices":              []any{s3, azure, &s3, &azure},
		"in a slice of pointers": []*gocosi.AzureCredentials{&azure},
		"in an array":            [1]gocosi.AzureCredentials{azure},
		"in a map":               map[string]gocosi.S3Credentials{"a": s3},
		"as a key":               map[gocosi.S3Credentials]int{s3: 1},
		"in an error":            fmt.Errorf("cannot store %v and %+v", s3, &azure),
		"embedded":               struct{ gocosi.S3Credentials }{s3},
	}
}

func TestPrintedCredentials(t *testing.T) {
	t.Parallel()
	for name, value := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verbs := "vTtbcdoOqxXUeEfFgGs" // without p and w, which call no method of a value; go vet refuses them
			if name == "unexported pointers" {
				verbs = "v" // other verbs follow the pointer
			}
			for _, verb := range verbs {
				for _, flags := range []string{"", "+", "-", "#", " ", "0", "+#", "# ", "+#- 0", "40", ".2", "-40.30"} {
					format := "%" + flags + string(verb)
					if got := fmt.Sprintf(format, value); tells(got) {
						t.Errorf("%s prints %s", format, got)
					}
				}
			}
			if got := fmt.Sprint(value, value) + fmt.Sprintln(value); tells(got) {
				t.Errorf("Sprint and Sprintln print %s", got)
			}
		})
	}
}

func TestPrintedCredentialsAreReadable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		format string
		value  any
		want   string
	}{
		{"%v", *keysOfS3(), "{https://s3.example.com r-1 AKIDEXAMPLE [redacted]}"},
		{"%+v", keysOfS3(), "{Endpoint:https://s3.example.com Region:r-1 AccessKeyID:AKIDEXAMPLE AccessSecretKey:[redacted]}"},
		{"%v", gocosi.S3Credentials{}, "{   }"},
		{"%v", (*gocosi.S3Credentials)(nil), "<nil>"},
		{"%v", *tokenOfAzure(), "{[redacted] 2030-01-02 03:04:05.000000006 +0000 UTC}"},
		{"%+v", gocosi.AzureCredentials{}, "{AccessToken: Expiry:0001-01-01 00:00:00 +0000 UTC}"},
	}
	for _, tt := range tests {
		if got := fmt.Sprintf(tt.format, tt.value); got != tt.want {
			t.Errorf("%s prints %s, want %s", tt.format, got, tt.want)
		}
	}
}

func TestLoggedCredentialsAreReadable(t *testing.T) {
	t.Parallel()
	const s3 = `{"Endpoint":"https://s3.example.com","Region":"r-1","AccessKeyID":"AKIDEXAMPLE","AccessSecretKey":"[redacted]"}`
	const azure = `{"AccessToken":"[redacted]","Expiry":"2030-01-02T03:04:05.000000006Z"}`
	var out bytes.Buffer
	direct := slog.New(slog.NewJSONHandler(&out, nil))
	through := logr.FromSlogHandler(slog.NewJSONHandler(&out, nil))
	for want, value := range map[string]any{s3: *keysOfS3(), azure: tokenOfAzure()} {
		direct.Info("message", "value", value)
		through.Info("message", "value", value)
		if got := strings.Count(out.String(), `"value":`+want); got != 2 {
			t.Errorf("got %s, want twice %s", out.String(), want)
		}
		out.Reset()
	}
}

func TestLoggedCredentials(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	text := func(_, line string) { out.WriteString(line + "\n") }
	loggers := map[string]logr.Logger{
		"funcr":      funcr.New(text, funcr.Options{}),
		"funcr JSON": funcr.NewJSON(func(line string) { text("", line) }, funcr.Options{}),
		"slog text":  logr.FromSlogHandler(slog.NewTextHandler(&out, nil)),
		"slog JSON":  logr.FromSlogHandler(slog.NewJSONHandler(&out, nil)),
	}
	direct := map[string]*slog.Logger{
		"text": slog.New(slog.NewTextHandler(&out, nil)),
		"JSON": slog.New(slog.NewJSONHandler(&out, nil)),
	}
	for name, value := range shapes() {
		for logger, log := range loggers {
			out.Reset()
			log.WithValues("with", value).Info("message", "value", value)
			log.Error(fmt.Errorf("failed with %v", value), "message", "value", value)
			if out.Len() == 0 || tells(out.String()) {
				t.Errorf("%s by logr and %s: %s", name, logger, out.String())
			}
		}
		for logger, log := range direct {
			out.Reset()
			log.With("with", value).WithGroup("g").Info("message", "value", value, slog.Group("h", "value", value))
			if out.Len() == 0 || tells(out.String()) {
				t.Errorf("%s by slog as %s: %s", name, logger, out.String())
			}
		}
	}
}

// encoders lists the standard library's ways to store any value. YAML, TOML, CBOR and MessagePack ask the same interfaces.
var encoders = map[string]func(value any) (string, error){
	"JSON": func(value any) (string, error) {
		text, err := json.Marshal(value)
		return string(text), err
	},
	"XML": func(value any) (string, error) {
		text, err := xml.Marshal(value)
		return string(text), err
	},
	"gob": func(value any) (string, error) {
		var out bytes.Buffer
		err := gob.NewEncoder(&out).Encode(value)
		return out.String(), err
	},
	"text": func(value any) (string, error) {
		text, err := value.(encoding.TextMarshaler).MarshalText()
		return string(text), err
	},
	"binary": func(value any) (string, error) {
		text, err := value.(encoding.BinaryMarshaler).MarshalBinary()
		return string(text), err
	},
}

func TestCredentialsRefuseToBeStored(t *testing.T) {
	t.Parallel()
	type s3 struct{ S3 gocosi.S3Credentials }
	type azure struct{ Azure *gocosi.AzureCredentials }
	type embedded struct{ gocosi.S3Credentials }
	for encoder, encode := range encoders {
		values := map[string]any{
			"S3": *keysOfS3(), "Azure": *tokenOfAzure(), "pointer to S3": keysOfS3(), "pointer to Azure": tokenOfAzure(),
			"embedded": embedded{*keysOfS3()},
		}
		if encoder != "text" && encoder != "binary" {
			values["in a struct"], values["pointer in a struct"] = s3{*keysOfS3()}, azure{tokenOfAzure()}
			values["in a slice"] = []gocosi.S3Credentials{*keysOfS3()}
		}
		for name, value := range values {
			if stored, err := encode(value); err == nil || tells(stored) || tells(err.Error()) || !strings.Contains(err.Error(), "want Map") {
				t.Errorf("%s: %s becomes %q, %v; want an error that says what to do", encoder, name, stored, err)
			}
		}
	}
}

func TestCredentialsRefuseJSON(t *testing.T) {
	t.Parallel()
	for name, value := range shapes() {
		text, err := json.Marshal(value)
		if tells(string(text)) {
			t.Errorf("%s becomes %s", name, text)
		}
		if name != "unexported pointers" && name != "in an error" && (err == nil || len(text) > 0) {
			t.Errorf("%s becomes %s, %v; want an error", name, text, err)
		}
	}
}

func TestCredentialsMap(t *testing.T) {
	t.Parallel()
	type credentials interface {
		Map() map[string]*cosi.CredentialDetails
	}
	tests := map[string]struct {
		credentials credentials
		key         string
		want        map[string]string
	}{
		"S3": {*keysOfS3(), "s3", map[string]string{
			"endpoint": "https://s3.example.com", "region": "r-1", "accessKeyID": "AKIDEXAMPLE", "accessSecretKey": password,
		}},
		"S3, empty":        {gocosi.S3Credentials{}, "s3", map[string]string{"endpoint": "", "region": "", "accessKeyID": "", "accessSecretKey": ""}},
		"Azure":            {*tokenOfAzure(), "azure", map[string]string{"accessToken": password, "expiryTs": "2030-01-02 03:04:05.000000006 +0000 UTC"}},
		"Azure, no expiry": {gocosi.AzureCredentials{AccessToken: password}, "azure", map[string]string{"accessToken": password}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.credentials.Map()
			if len(got) != 1 || !maps.Equal(got[tt.key].GetSecrets(), tt.want) {
				t.Errorf("got %v, want %s: %v", got, tt.key, tt.want)
			}
		})
	}
}

func TestExpiryIsReadByTheSidecar(t *testing.T) {
	t.Parallel()
	const layout = "2006-01-02 15:04:05.999999999 -0700 MST" // the released sidecar's
	moment := time.Date(2030, 7, 1, 12, 30, 0, 123456789, time.UTC)
	zones := map[string]*time.Location{
		"UTC": time.UTC, "without a name": time.FixedZone("", -3*3600), "with an odd name": time.FixedZone("Odd/Zone", 5*3600+1800),
		"with a name of its own": time.FixedZone("GMT+2", 2*3600), "with seconds": time.FixedZone("LMT", 1234),
	}
	for name, zone := range zones {
		for _, m := range []time.Time{moment, moment.Truncate(time.Second), moment.Truncate(24 * time.Hour)} {
			text := gocosi.AzureCredentials{Expiry: m.In(zone)}.Map()["azure"].GetSecrets()["expiryTs"]
			if got, err := time.Parse(layout, text); err != nil || !got.Equal(m) {
				t.Errorf("%s: %q is read as %v, %v, want %v", name, text, got, err, m)
			}
		}
	}
	now := time.Now() // has a monotonic reading
	text := gocosi.AzureCredentials{Expiry: now}.Map()["azure"].GetSecrets()["expiryTs"]
	if got, err := time.Parse(layout, text); err != nil || !got.Equal(now) {
		t.Errorf("%q is read as %v, %v, want %v", text, got, err, now)
	}
}
