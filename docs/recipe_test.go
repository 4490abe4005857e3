package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestScriptOfCI runs the script of docs/conformance.md for any CI with examples/memory, and then with a driver that ends.
func TestScriptOfCI(t *testing.T) {
	t.Parallel()
	const start = "node main.js --proto cosi.proto "
	var script string
	for _, b := range readDocs(t)["docs/conformance.md"].blocks {
		if text := strings.Join(b.lines, "\n"); strings.Contains(text, start) {
			script = text
		}
	}
	root, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	memory := filepath.Join(t.TempDir(), "memory")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", root, "-o", memory, "./examples/memory").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, tc := range []struct {
		name, driver string
		code         int
	}{
		{"answers", "exec " + memory + " ", 0},
		{"ends", "exit 7 ", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			work, folder := t.TempDir(), harness.ShortDir(t)
			if err := os.WriteFile(filepath.Join(work, "check.json"), []byte(`{"auth": "key"}`), 0o600); err != nil {
				t.Fatal(err)
			}
			text := script
			for _, change := range [][2]string{
				{"git clone https://github.com/doomshrine/gocosi kit", "ln -s '" + root + "' kit"}, {start, tc.driver}, {"$(mktemp -d)", folder},
			} {
				if !strings.Contains(text, change[0]) {
					t.Fatalf("the script lacks %q:\n%s", change[0], text)
				}
				text = strings.ReplaceAll(text, change[0], change[1])
			}
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", text)
			cmd.Dir = work
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tc.code {
				t.Fatalf("exit code %d (%v), want %d:\n%s", code, err, tc.code, out)
			}
			var reports []string
			entries, err := os.ReadDir(filepath.Join(work, "reports"))
			for _, entry := range entries {
				reports = append(reports, entry.Name())
			}
			if want := []string{"driver.log", "report.html", "report.xml", "wait.log"}; err != nil || !slices.Equal(reports, want) {
				t.Errorf("the reports are %q (%v), want %q", reports, err, want)
			}
		})
	}
}
