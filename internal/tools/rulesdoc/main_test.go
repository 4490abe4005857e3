package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/rules"
)

const committed = "../../../docs/requirements.md"

func TestTheCommittedFileIsCurrent(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if code := run([]string{"-check", "-file", committed}, nil, &stderr); code != 0 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}

func TestCheckTellsDifferences(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text, want string
	}{
		{"a line more", document() + "more\n", "differs from the rules in line "},
		{"a line fewer", strings.TrimSuffix(document(), "\n"), "differs from the rules in line "},
		{"another line", "# Another\n" + document(), "differs from the rules in line 1;"},
		{"empty", "", "differs from the rules in line 1;"},
		{"the same", document(), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "requirements.md")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			code := run([]string{"-check", "-file", file}, &stdout, &stderr)
			if want := map[bool]int{true: 0, false: 1}[tc.want == ""]; code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			if !strings.Contains(stderr.String(), tc.want) || tc.want != "" && !strings.Contains(stderr.String(), "go run ./internal/tools/rulesdoc") {
				t.Errorf("stderr %q, want %q and how to fix it", &stderr, tc.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout %q", &stdout)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if code := run([]string{"-check", "-file", filepath.Join(t.TempDir(), "none")}, nil, &stderr); code != 1 || stderr.Len() == 0 {
		t.Errorf("no file: exit code %d, stderr %q", code, &stderr)
	}
	if code := run([]string{"-what"}, nil, &stderr); code != 2 {
		t.Errorf("unknown flag: exit code %d", code)
	}
}

// The document has every rule, whole, and the same bytes each time.
func TestDocument(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if code := run(nil, &stdout, nil); code != 0 || stdout.String() != document() {
		t.Errorf("exit code %d, or not the document", code)
	}
	for _, r := range rules.All() {
		row := "| " + r.ID + " | " + string(r.Level) + " | " + r.Text + " | " + r.Runtime + " | " + r.Source + " |\n"
		if strings.Count(stdout.String(), row) != 1 {
			t.Errorf("%s: want exactly one row", r.ID)
		}
	}
}
