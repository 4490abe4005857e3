package driver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// environment is a complete one.
func environment(t *testing.T) map[string]string {
	t.Helper()
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return map[string]string{
		"S3_ENDPOINT": "https://s3.example.com/", "S3_IAM_ENDPOINT": "https://iam.example.com:8443",
		"S3_ACCESS_KEY_FILE": file("access", "AKIDEXAMPLE\n"), "S3_SECRET_KEY_FILE": file("secret", "very secret\n"),
		"S3_SEAL_KEY_FILE": file("seal", sealKey(t)+"\n"+sealKey(t)+"\n"),
	}
}

func read(variables map[string]string) (driver.Settings, error) {
	return driver.FromEnvironment(func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s, err := read(environment(t))
	if err != nil {
		t.Fatal(err)
	}
	s.Sealer = nil
	want := driver.Settings{
		Store: driver.AWS, Endpoint: "https://s3.example.com", IAMEndpoint: "https://iam.example.com:8443", ClientEndpoint: "https://s3.example.com",
		Region: "us-east-1", AccessKey: "AKIDEXAMPLE", SecretKey: "very secret", Owner: driver.Name,
	}
	if s != want {
		t.Errorf("got %+v", s)
	}
}

// Ceph has one address for all, and nothing is sealed there.
func TestSettingsOfCeph(t *testing.T) {
	t.Parallel()
	variables := environment(t)
	variables["S3_STORE"] = "ceph"
	delete(variables, "S3_IAM_ENDPOINT")
	delete(variables, "S3_SEAL_KEY_FILE")
	s, err := read(variables)
	if err != nil {
		t.Fatal(err)
	}
	if s.Store != driver.Ceph || s.IAMEndpoint != "https://s3.example.com" {
		t.Errorf("got %+v", s)
	}
	variables["S3_IAM_ENDPOINT"] = "https://iam.example.com"
	if _, err := read(variables); err == nil || !strings.Contains(err.Error(), "S3_IAM_ENDPOINT: S3_STORE=ceph has one address for all") {
		t.Errorf("with another address for IAM: %v", err)
	}
	if _, err := driver.Reseal(t.Context(), s); err == nil || !strings.Contains(err.Error(), "keeps no secrets") {
		t.Errorf("resealing: %v", err)
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ owner, name, want string }{
		{"", "", driver.Name}, {"", "b.example.com", "b.example.com"}, {"west", "b.example.com", "west"},
	} {
		variables := environment(t)
		variables["S3_OWNER"], variables["X_COSI_DRIVER_NAME"] = row.owner, row.name
		if s, err := read(variables); err != nil || s.Owner != row.want {
			t.Errorf("%+v: got %q, %v", row, s.Owner, err)
		}
	}
}

func TestMissingSettings(t *testing.T) {
	t.Parallel()
	_, err := read(nil)
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, name := range []string{"S3_ENDPOINT", "S3_IAM_ENDPOINT", "S3_ACCESS_KEY_FILE", "S3_SECRET_KEY_FILE", "S3_SEAL_KEY_FILE"} {
		if !strings.Contains(err.Error(), name+": is required") {
			t.Errorf("%s is not named in\n%v", name, err)
		}
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for _, row := range []struct{ name, value, words string }{
		{"S3_ENDPOINT", "s3.example.com", "accepted is https://host"},
		{"S3_ENDPOINT", "ftp://s3.example.com", "accepted is https://host"},
		{"S3_ENDPOINT", "https://me:secret@s3.example.com", "without user and query"},
		{"S3_ENDPOINT", `https://s3.example.com"`, "accepted is https://host"},
		{"S3_ENDPOINT", "https://s3.example.com#part", "accepted is https://host"},
		{"S3_ENDPOINT", "https://s3.example.com?", "accepted is https://host"},
		{"S3_ENDPOINT", "https://s3.example.com:70000", "accepted is https://host"},
		{"S3_ENDPOINT", "https://:443", "accepted is https://host"},
		{"S3_IAM_ENDPOINT", "https://s3.example.com/a b", "accepted is https://host"},
		{"S3_ENDPOINT", "http://s3.example.com", "S3_INSECURE=true"},
		{"S3_IAM_ENDPOINT", "http://10.0.0.1", "S3_INSECURE=true"},
		{"S3_CLIENT_ENDPOINT", "nowhere", "accepted is https://host"},
		{"S3_INSECURE", "yes", "neither true nor false"},
		{"S3_VIRTUAL_HOSTED", "1", "neither true nor false"},
		{"S3_NO_LOCATION", "no", "neither true nor false"},
		{"S3_CHECKSUMS", "sha256", "neither true nor false"},
		{"S3_NO_CREATION_TAGS", "yes", "neither true nor false"},
		{"S3_STORE", "rgw", "want aws or ceph"},
		{"S3_SECRET_KEY_FILE", missing, "no such file"},
		{"S3_SECRET_KEY_FILE", "/dev/zero", "holds more than a key"},
		{"S3_SECRET_KEY_FILE", os.DevNull, "is empty"},
		{"S3_SEAL_KEY_FILE", os.DevNull, "is empty"},
		{"S3_OWNER", "a*b", "cannot be a tag"},
	} {
		variables := environment(t)
		variables[row.name] = row.value
		_, err := read(variables)
		if err == nil || !strings.Contains(err.Error(), row.name+": ") || !strings.Contains(err.Error(), row.words) {
			t.Errorf("%s=%s: %v", row.name, row.value, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret@") || strings.Contains(err.Error(), missing)) {
			t.Errorf("the error has in it what may be a secret: %v", err)
		}
	}
	variables := environment(t)
	variables["S3_ENDPOINT"], variables["S3_INSECURE"] = "http://s3.example.com", "true"
	if _, err := read(variables); err != nil {
		t.Error(err)
	}
}

// What is around a text is harmless, what is inside of it is not.
func TestSpaceAround(t *testing.T) {
	t.Parallel()
	variables := environment(t)
	for name, value := range variables {
		variables[name] = " " + value + "\r\n"
	}
	variables["S3_REGION"], variables["S3_INSECURE"], variables["S3_OWNER"] = "eu-west-1\n", "true\n", " \n"
	s, err := read(variables)
	if err != nil || s.Region != "eu-west-1" || s.Endpoint != "https://s3.example.com" || s.Owner != driver.Name {
		t.Errorf("got %q, %q, %q, %v", s.Region, s.Endpoint, s.Owner, err)
	}
}

func TestTextsThatAreNone(t *testing.T) {
	t.Parallel()
	const secret = "wJalrXUtnFEMI"
	for _, name := range []string{"S3_ENDPOINT", "S3_IAM_ENDPOINT", "S3_CLIENT_ENDPOINT", "S3_REGION", "S3_OWNER", "S3_INSECURE", "S3_VIRTUAL_HOSTED", "S3_NO_LOCATION", "S3_CHECKSUMS", "X_COSI_DRIVER_NAME"} {
		for _, text := range []string{secret + "\nx", secret + "\x00", secret + "\u202e", "\ufeff" + secret, secret + "\xff", secret + "\u009b"} {
			variables := environment(t)
			variables[name] = text
			_, err := read(variables)
			if err == nil || !strings.Contains(err.Error(), name+": ") || strings.Contains(err.Error(), secret) {
				t.Errorf("%s=%q: %v", name, text, err)
			}
		}
	}
	variables := environment(t)
	for _, region := range []string{`"us-east-1"`, "us east", "us-east-1/x", "https://u:" + secret + "@host"} {
		variables["S3_REGION"] = region
		if _, err := read(variables); err == nil || !strings.Contains(err.Error(), "S3_REGION: want") || strings.Contains(err.Error(), secret) {
			t.Errorf("S3_REGION=%s: %v", region, err)
		}
	}
}

func TestFilesThatHoldMoreThanAKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"S3_ACCESS_KEY_FILE", "S3_SECRET_KEY_FILE", "S3_SEAL_KEY_FILE"} {
		for _, text := range []string{"secret\nx", `"secret"`, "'secret'", "secret\x00", "\ufeffsecret", "sécret", "`secret`", strings.Repeat("secret", 1<<10)} {
			variables := environment(t)
			if err := os.WriteFile(variables[name], []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := read(variables)
			if err == nil || !strings.Contains(err.Error(), name+": "+variables[name]) || strings.Contains(err.Error(), text) {
				t.Errorf("%s with %.40q: %v", name, text, err)
			}
		}
	}
}

func TestBadSealKeys(t *testing.T) {
	t.Parallel()
	for text, words := range map[string]string{
		"":                          "holds no key",
		"c2hvcnQ=":                  "key 1 is not 32 bytes in base64",
		sealKey(t) + "\nnot base64": "key 2 is not 32 bytes",
		strings.Repeat("A", 32):     "key 1 is not 32 bytes",
	} {
		if _, err := driver.NewSealer(text); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
