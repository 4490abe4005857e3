package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/rules"
)

func TestTheCommittedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if code := run([]string{"-check", "-docs", "../../../docs"}, &stderr); code != 0 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}

// frame is docs/conformance.md without what the command writes.
const (
	before = "# Title\n\nBy hand.\n\n" + begin + "\n"
	after  = end + "\n\nMore by hand.\n"
)

// folder returns a folder with the two documents.
func folder(t *testing.T, requirements, conformance string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"requirements.md": requirements, "conformance.md": conformance} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The command writes both documents, leaves alone what is written by hand, and then finds them current.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := folder(t, "old", before+"old"+after)
	for range 2 {
		var stderr bytes.Buffer
		if code := run([]string{"-docs", dir}, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		if read(t, dir, "requirements.md") != requirements() {
			t.Error("requirements.md is not what the rules say")
		}
		if got := read(t, dir, "conformance.md"); got != before+sections()+"\n"+after {
			t.Errorf("conformance.md is\n%s\nwant the sections in what is written by hand", got)
		}
		if code := run([]string{"-check", "-docs", dir}, &stderr); code != 0 {
			t.Errorf("-check: exit code %d: %s", code, &stderr)
		}
	}
}

func TestCheckTellsDifferences(t *testing.T) {
	t.Parallel()
	current := before + sections() + "\n" + after
	for _, tc := range []struct {
		name, requirements, conformance, want string
	}{
		{"a line more", requirements() + "more\n", current, "requirements.md differs from the rules in line "},
		{"a line fewer", strings.TrimSuffix(requirements(), "\n"), current, "requirements.md differs from the rules in line "},
		{"another line", "# Another\n" + requirements(), current, "requirements.md differs from the rules in line 1;"},
		{"empty", "", current, "requirements.md differs from the rules in line 1;"},
		{"a section less", requirements(), strings.Replace(current, "\n### GEN-4\n", "\n", 1), "conformance.md differs from the rules in line "},
		{"a line in between", requirements(), strings.Replace(current, begin, begin+"\nmore", 1), "conformance.md differs from the rules in line 6;"},
		{"other text by hand", requirements(), "More.\n\n" + current + "\nAnd more.\n", ""},
		{"the same", requirements(), current, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, tc.requirements, tc.conformance)
			var stderr bytes.Buffer
			code := run([]string{"-check", "-docs", dir}, &stderr)
			if want := map[bool]int{true: 0, false: 1}[tc.want == ""]; code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			if !strings.Contains(stderr.String(), tc.want) || tc.want != "" && !strings.Contains(stderr.String(), "go run ./internal/tools/rulesdoc") {
				t.Errorf("stderr %q, want %q and how to fix it", &stderr, tc.want)
			}
			if read(t, dir, "requirements.md") != tc.requirements || read(t, dir, "conformance.md") != tc.conformance {
				t.Error("-check changed a document")
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no folder, check":    {[]string{"-check", "-docs", filepath.Join(t.TempDir(), "none")}, 1, "requirements.md"},
		"no folder, write":    {[]string{"-docs", filepath.Join(t.TempDir(), "none")}, 1, "conformance.md"},
		"no begin":            {[]string{"-docs", folder(t, "", after)}, 1, "want it before the sections"},
		"no end":              {[]string{"-docs", folder(t, "", before)}, 1, "want it after the sections"},
		"no end, check":       {[]string{"-check", "-docs", folder(t, requirements(), before)}, 1, "want it after the sections"},
		"unknown flag":        {[]string{"-what"}, 2, "-what"},
		"unexpected argument": {[]string{"docs"}, 2, "want flags only"},
	} {
		var stderr bytes.Buffer
		if code := run(tc.args, &stderr); code != tc.code || !strings.Contains(stderr.String(), tc.want) {
			t.Errorf("%s: exit code %d, stderr %q, want %d and %q", name, code, &stderr, tc.code, tc.want)
		}
	}
}

// The requirements have every rule, whole.
func TestRequirements(t *testing.T) {
	t.Parallel()
	text := requirements()
	for _, r := range rules.All() {
		row := "| " + r.ID + " | " + string(r.Level) + " | " + r.Text + " | " + r.Runtime + " | " + r.Source + " |\n"
		if strings.Count(text, row) != 1 {
			t.Errorf("%s: want exactly one row", r.ID)
		}
	}
}

// The sections have every text of a rule that a case reports, whole, in the order of the rules.
func TestSections(t *testing.T) {
	t.Parallel()
	text := sections()
	headings := ""
	for _, r := range rules.All() {
		if r.Fault == "" {
			continue
		}
		headings += "\n### " + r.ID + "\n"
		_, section, _ := strings.Cut(text, "\n### "+r.ID+"\n")
		section, _, _ = strings.Cut(section, "\n#")
		got := strings.Join(strings.Fields(section), " ")
		want := "**" + string(r.Level) + ":** " + r.Text + " *" + r.Fault + "* " + r.Effect + " "
		for _, p := range r.Parts {
			want += "- `" + p.Name + "`: *" + p.Fault + "* "
			if p.Effect != "" {
				want += p.Effect + " "
			}
			if p.Remedy != "" {
				want += "**Fix:** " + p.Remedy + " "
			}
		}
		if want += "**Fix:** " + r.Remedy; got != want {
			t.Errorf("%s: the section is\n%s\nwant\n%s", r.ID, got, want)
		}
	}
	if got := strings.Join(regexp.MustCompile(`\n### .*\n`).FindAllString(text, -1), ""); got != headings {
		t.Errorf("the sections are%swant%s", got, headings)
	}
	for _, f := range families() {
		if !strings.Contains(text, "\n## "+f.heading+"\n\n") {
			t.Errorf("no chapter %q, want one", f.heading)
		}
	}
	if !strings.Contains(text, "\n## The store is away\n\nWhile the driver cannot reach the store,") {
		t.Error("the chapter about outages has no introduction, want one")
	}
}

// Lines have a width, but code is not broken.
func TestWrap(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("w", 58)
	for _, tc := range []struct{ prose, want string }{
		{"short", "- short\n"},
		{word + " " + word + "w", "- " + word + " " + word + "w\n"},
		{word + " " + word + "ww", "- " + word + "\n  " + word + "ww\n"},
		{word + " a " + word, "- " + word + " a\n  " + word + "\n"},
		{word + " `code " + word + "`, more", "- " + word + "\n  `code " + word + "`, more\n"},
		{word + " (`a` b) `c " + word + "`", "- " + word + " (`a` b)\n  `c " + word + "`\n"},
	} {
		var got strings.Builder
		wrap(&got, tc.prose, "- ", "  ")
		if got.String() != tc.want {
			t.Errorf("%q becomes\n%s\nwant\n%s", tc.prose, &got, tc.want)
		}
	}
}
