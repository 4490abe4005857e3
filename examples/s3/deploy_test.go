package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// TestManifest starts from the environment that the manifest gives the driver, the keys replaced.
func TestManifest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("deploy", "driver.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	keys := writeKeys(t)
	env := map[string]string{}
	for _, each := range regexp.MustCompile(`- name: (S3_\w+)\n +value: (\S+)`).FindAllStringSubmatch(string(text), -1) {
		env[each[1]] = strings.Replace(each[2], "/etc/cosi-s3/keys", keys, 1)
		if strings.HasSuffix(each[1], "_FILE") && !strings.Contains(string(text), "--from-file="+filepath.Base(each[2])+"=") {
			t.Errorf("%s is %s, which is no file of the Secret that the manifest tells to make", each[1], each[2])
		}
	}
	settings, err := driver.FromEnvironment(func(name string) (string, bool) { value, ok := env[name]; return value, ok })
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Settings{
		Store: driver.AWS, Endpoint: "https://s3.example.com", IAMEndpoint: "https://iam.example.com", ClientEndpoint: "https://s3.example.com",
		Region: "us-east-1", AccessKey: "the access-key", SecretKey: "the secret-key", Owner: driver.Name, Sealer: settings.Sealer,
	}
	if settings != want {
		t.Errorf("the settings are %+v", settings)
	}
}

// writeKeys writes the files of the Secret, and returns their folder.
func writeKeys(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{
		"access-key": "the access-key", "secret-key": "the secret-key", "seal-key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
