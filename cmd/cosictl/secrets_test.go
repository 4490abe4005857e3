package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hides looks whether a text holds any part of a secret.
func hides(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{canary, quoted, `canary\"\n\"zq7v`, "zq7v"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the secret %q: %s", where, secret, text)
		}
	}
}

// Values of credentials whose keys are not known to be harmless are masked, and shown when that is asked for.
func TestCredentialsAreMasked(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name     string
		protocol string
		secrets  map[string]string
		masked   map[string]string // in the place of secrets
	}{
		{
			"s3", "s3",
			map[string]string{"endpoint": "https://e", "region": "r", "accessKeyID": "AK", "accessSecretKey": canary},
			map[string]string{"endpoint": "https://e", "region": "r", "accessKeyID": "AK", "accessSecretKey": "[redacted]"},
		},
		{
			"azure", "azure",
			map[string]string{"accessToken": canary, "expiryTs": "2030-01-02 03:04:05.000000000 +0000 UTC"},
			map[string]string{"accessToken": "[redacted]", "expiryTs": "2030-01-02 03:04:05.000000000 +0000 UTC"},
		},
		{
			"unknown and short", "gcs",
			map[string]string{"privateKey": quoted, "AccessKeyID": canary, "x": "1", "empty": ""},
			map[string]string{"privateKey": "[redacted]", "AccessKeyID": "[redacted]", "x": "[redacted]", "empty": ""},
		},
		{
			"a secret in a harmless place", "s3",
			map[string]string{"endpoint": "https://e/?sig=" + canary, "region": "https://u:" + canary + "@e", "accessSecretKey": canary},
			map[string]string{"endpoint": "https://e/?sig=[redacted]", "region": "https://u:[redacted]@e", "accessSecretKey": "[redacted]"},
		},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			_, path := bare(t, &store{protocol: one.protocol, secrets: one.secrets})
			must(t, "", path, "create", "one")
			text := must(t, "", path, "grant", "one", "a")
			hides(t, "text", text)
			for key, value := range one.masked {
				if line := strings.TrimRight("credentials."+one.protocol+"."+key+": "+value, " ") + "\n"; !strings.Contains(text, line) {
					t.Errorf("text lacks %q:\n%s", line, text)
				}
			}
			for _, shown := range []bool{false, true} {
				args, want := []string{"grant", "one", "a", "-o", "json"}, one.masked
				if shown {
					args, want = append(args, "-show-secrets"), one.secrets
				}
				var got struct {
					Credentials map[string]map[string]string `json:"credentials"`
				}
				if err := json.Unmarshal([]byte(must(t, "", path, args...)), &got); err != nil {
					t.Fatal(err)
				}
				for key, value := range want {
					if got.Credentials[one.protocol][key] != value {
						t.Errorf("%s is %q, want %q (shown: %t)", key, got.Credentials[one.protocol][key], value, shown)
					}
				}
			}
		})
	}
}

// A driver that repeats parameters in its errors does not bring their values to the screen.
func TestErrorsAreMasked(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	content, err := json.Marshal(map[string]string{"bad": quoted})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		name, stdin string
		args        []string
		secret      string // as it stands in the error when secrets are shown
	}{
		{"flag", "", []string{"create", "one", "-p", "bad=" + canary}, canary},
		{"stdin", string(content), []string{"create", "one", "-parameters", "-"}, "zq7v"},
		{"file", "", []string{"create", "one", "-parameters", write(t, string(content))}, "zq7v"},
		{"json", "", []string{"create", "one", "-o", "json", "-p", "bad=" + canary}, canary},
		{"grant", "", []string{"grant", "one", "a", "-p", "bad=" + canary}, canary},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			o := cosictl(t, one.stdin, path, one.args...)
			o.oneErrorLine(t, "INVALID_ARGUMENT: ", "[redacted]")
			hides(t, "output", o.stdout+o.stderr)
			if o.code != exitFailed {
				t.Errorf("exit code %d", o.code)
			}
			o = cosictl(t, one.stdin, path, append(one.args, "-show-secrets")...)
			o.oneErrorLine(t, one.secret)
		})
	}
}

// The report of a driver that leaks what it granted, and what it was given, holds neither.
func TestReportIsMasked(t *testing.T) {
	t.Parallel()
	const parameter = "canary-parameter"
	leaky := func() *store {
		return &store{
			protocol: "s3",
			secrets:  map[string]string{"endpoint": "https://e", "region": "r", "accessKeyID": "AK", "accessSecretKey": canary},
			regrant:  status.Errorf(codes.Internal, "the key %s exists, token is %s", canary, parameter),
		}
	}
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			_, path := bare(t, leaky())
			junit := filepath.Join(t.TempDir(), "junit.xml")
			args := []string{"check", "-o", format, "-junit", junit, "-parameters", "-"}
			o := cosictl(t, `{"token": "`+parameter+`"}`, path, args...)
			xml, err := os.ReadFile(junit)
			if err != nil {
				t.Fatal(err)
			}
			for where, text := range map[string]string{"stdout": o.stdout, "stderr": o.stderr, "junit": string(xml)} {
				hides(t, where, text)
				if strings.Contains(text, parameter) {
					t.Errorf("%s holds a parameter", where)
				}
			}
			if o.code != exitFailed || !strings.Contains(o.stdout, "[redacted]") || !strings.Contains(string(xml), "[redacted]") {
				t.Errorf("exit code %d, stdout %s", o.code, o.stdout)
			}
		})
	}
}
