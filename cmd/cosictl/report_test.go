package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// hostile acts on terminals, browsers and parsers that take it as it is.
const hostile = "\x1b[31m\x1b]0;title\x07\u009b2J\u202e\u2028\r\n::error::line\n]]> --> </script><script>alert(1)</script><img src=x onerror=alert(2)>"

// What a driver says is harmless in each form of the report, and secrets are in none: neither one that it granted, nor a
// parameter that it was given.
func TestReportsOfHostileDriver(t *testing.T) {
	t.Parallel()
	s := &store{
		protocol: "s3",
		secrets:  map[string]string{"endpoint": "https://e", "region": "r", "accessKeyID": "AK", "accessSecretKey": canary},
		create: func(_ context.Context, r *cosi.DriverCreateBucketRequest) error {
			if r.GetName() == "" {
				return status.Error(codes.Internal, hostile+" "+r.GetParameters()["token"])
			}
			return nil
		},
		grant: func(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) error {
			if r.GetName() == "" {
				return status.Error(codes.Internal, hostile+" "+canary)
			}
			return nil
		},
	}
	_, path := bare(t, s)
	folder := t.TempDir()
	html, junit, json := filepath.Join(folder, "report.html"), filepath.Join(folder, "report.xml"), filepath.Join(folder, "report.json")
	const given = "given-in-a-parameter"
	parameters := write(t, `{"token": "`+given+`"}`)
	texts := map[string]string{
		"text": cosictl(t, "", path, "check", "-parameters", parameters, "-html", html, "-junit", junit, "-json", json).stdout,
		"json": cosictl(t, "", path, "check", "-parameters", parameters, "-o", "json").stdout,
	}
	for name, file := range map[string]string{"html": html, "junit": junit, "json file": json} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(content)
	}
	for name, text := range texts {
		if !strings.Contains(text, "[redacted]") || !strings.Contains(text, "title") {
			t.Errorf("%s does not tell what the driver said:\n%s", name, text)
		}
		for _, secret := range []string{given, canary} {
			if strings.Contains(text, secret) {
				t.Errorf("%s has the secret %q", name, secret)
			}
		}
		for _, r := range text {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
				t.Errorf("%s has the character %U", name, r)
			}
		}
		if (name == "html" || name == "junit") && strings.Contains(text, "<script") || strings.Contains(text, "\n::error") {
			t.Errorf("%s has what the driver said as it is", name)
		}
	}
}

// The page and the file are there also when there is no connection, and say why.
func TestReportsWithoutConnection(t *testing.T) {
	t.Parallel()
	html := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(html, []byte(strings.Repeat("old", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := cosictl(t, "", "/nowhere/c.sock", "check", "-html", html); o.code != exitNoConnection {
		t.Errorf("exit code %d", o.code)
	}
	page, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(page); !strings.Contains(text, "cannot be told: no connection to ") || strings.Contains(text, "oldold") || !strings.Contains(text, "</html>") {
		t.Errorf("the page is\n%s", text)
	}
}

// A report says what was chosen, by which flags.
func TestReportTellsFlags(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	r := readReport(t, must(t, "", path, "check", "-o", "json", "-run", "^INFO", "-skip", "6$", "-repeat", "2", "-bad-name", "Bad"))
	want := map[string]string{"-run": "^INFO", "-skip": "6$", "Config.Repeat": "2", "Config.BadBucketName": "Bad", "Config.Timeout": limit.String()}
	for _, s := range r.Settings {
		if value, ok := want[s.Name]; ok && value == s.Value {
			delete(want, s.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("the settings lack %v: %v", want, r.Settings)
	}
	if r.Kit == "" || r.Rules == "" || r.Begin.IsZero() || r.Duration <= 0 || r.Endpoint != path || r.Driver != "test.example.com" {
		t.Errorf("the report is of %q, rules %q, %s, %s, %q, %q", r.Kit, r.Rules, r.Begin, r.Duration, r.Endpoint, r.Driver)
	}
}

// A file that cannot be written is found before the check.
func TestReportsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := &store{}
	path := drive(t, s)
	for _, flag := range []string{"-html", "-json", "-junit"} {
		o := cosictl(t, "", path, "check", flag, filepath.Join(t.TempDir(), "missing", "report"))
		if o.code != exitUsage || o.stdout != "" || !strings.Contains(o.stderr, flag+": ") || !strings.Contains(o.stderr, "no such file") {
			t.Errorf("%s: exit code %d, %q, %q", flag, o.code, o.stdout, o.stderr)
		}
	}
}

// No report takes the place of another, or of what is read, and a flag is no file's name. Nothing is written then.
func TestReportsThatWouldReplaceFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	kept := filepath.Join(folder, "kept.json")
	if err := os.WriteFile(kept, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(kept, link); err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(folder, "one")
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-config", kept, "-json", kept}, "-config and -json name one file"},
		{[]string{"-parameters", kept, "-html", link}, "-parameters and -html name one file"},
		{[]string{"-access-parameters", kept, "-junit", filepath.Join(folder, ".", "kept.json")}, "name one file"},
		{[]string{"-log", kept, "-html", kept}, "-log and -html name one file"},
		{[]string{"-ca", kept, "-junit", kept}, "-ca and -junit name one file"},
		{[]string{"-html", one, "-junit", one}, "-html and -junit name one file"},
		{[]string{"-json", "-strict"}, "-json -strict: want the name of a file"},
		{[]string{"-html", "-"}, "-html -: want the name of a file"},
	} {
		o := cosictl(t, "", "/nowhere/c.sock", append([]string{"check"}, tc.args...)...)
		if o.code != exitUsage || o.stdout != "" || !strings.Contains(o.stderr, tc.want) {
			t.Errorf("%v: exit code %d, %q, want %q", tc.args, o.code, o.stderr, tc.want)
		}
	}
	if content, err := os.ReadFile(kept); err != nil || string(content) != "{}" {
		t.Errorf("the file is %q (%v)", content, err)
	}
	if _, err := os.Stat(one); err == nil {
		t.Error("a report was made")
	}
}

// What is read has a bound, and is text.
func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	large := write(t, `{"a": "`+strings.Repeat("x", maxFile)+`"}`)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"create", "b", "-parameters", large}, "more than 8 MiB"},
		{[]string{"check", "-config", large}, "more than 8 MiB"},
		{[]string{"info", "-ca", large}, "more than 8 MiB"},
		{[]string{"create", "b", "-parameters", write(t, "{\"region\": \"\xff\"}")}, "not valid UTF-8"},
		{[]string{"check", "-config", write(t, "{\"run\": \"\xff\"}")}, "not valid UTF-8"},
		{[]string{"check", "-config", write(t, `{"skip": {"INFO-1": "no"}, "run": "^INFO-1$"}`)}, "leave no case"},
	} {
		if o := cosictl(t, "", "/nowhere/c.sock", tc.args...); o.code != exitUsage || !strings.Contains(o.stderr, tc.want) {
			t.Errorf("%v: exit code %d, %q, want %q", tc.args[:2], o.code, o.stderr, tc.want)
		}
	}
}
