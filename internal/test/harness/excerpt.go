package harness

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Excerpt runs a Go program in a folder, and checks that README.md shows what it prints. Its block of text holds excerpts,
// separated by blank lines; the nth must occur in the output, in the same order. The sign … stands for any text within a line.
func Excerpt(t *testing.T, readme string, nth int, folder, program string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", program)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	output := string(out)
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "\n```text\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	excerpts := strings.Split(block, "\n\n")
	if len(excerpts) <= nth {
		t.Fatalf("%s has %d excerpts, want more than %d", readme, len(excerpts), nth)
	}
	for line := range strings.SplitSeq(excerpts[nth], "\n") {
		pattern := "(?m)^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$"
		at := regexp.MustCompile(pattern).FindStringIndex(output)
		if at == nil {
			t.Fatalf("%s shows a line that is not printed, or not at this place: %s\nwhat is left:\n%s", readme, line, output)
		}
		output = output[at[1]:]
	}
}
