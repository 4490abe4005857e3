package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPartsOfCI runs .ci/run with stand-ins for what it calls: all parts in the order of the file, those that are named, or none.
func TestPartsOfCI(t *testing.T) {
	t.Parallel()
	needsClone(t)
	var all []string
	for _, found := range regexp.MustCompile(`(?m)^part (?:make |\.ci/)([a-z0-9-]+)`).FindAllStringSubmatch(readFile(t, ".ci/run"), -1) {
		all = append(all, found[1])
	}
	if n := strings.Count(readFile(t, ".ci/run"), "\npart "); n != len(all) || n < 10 {
		t.Fatalf(".ci/run has %d parts with names and %d in all", len(all), n)
	}
	for _, test := range []struct {
		args, ran []string
		code      int
	}{
		{args: nil, ran: all},
		{args: []string{"--list"}},
		{args: []string{"demo"}, ran: []string{"demo"}},
		{args: []string{"e2e", "unprivileged", "demo-s3"}, ran: []string{"demo-s3", "unprivileged", "e2e"}},
		{args: []string{"demo", "dem"}, code: 2},
	} {
		out, ran, code := runCI(t, test.args...)
		if !slices.Equal(ran, test.ran) || code != test.code {
			t.Errorf(".ci/run %q runs %q and exits with %d, want %q and %d\n%s", test.args, ran, code, test.ran, test.code, out)
		}
		if slices.Contains(test.args, "--list") && out != strings.Join(all, "\n")+"\n" {
			t.Errorf("--list prints %q, want %q", out, all)
		}
		for _, name := range ran {
			if !regexp.MustCompile(`(?m)^ +\d+ s  .*\b` + name + `\b`).MatchString(out) {
				t.Errorf(".ci/run %q lists no time for %s:\n%s", test.args, name, out)
			}
		}
	}
}

// runCI returns what .ci/run prints, and the parts that it runs.
func runCI(t *testing.T, args ...string) (out string, ran []string, code int) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	folder := t.TempDir()
	record := filepath.Join(folder, "record")
	for name, text := range map[string]string{
		".ci/run": readFile(t, ".ci/run"), ".ci/unprivileged": "#!/bin/sh\necho unprivileged | tee -a " + record + "\n",
		"bin/make": "#!/bin/sh\necho \"$1\" | tee -a " + record + "\n", "bin/apt-get": "#!/bin/sh\n",
	} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{filepath.Join(folder, ".ci", "run")}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(folder, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(record)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text), strings.Fields(string(made)), cmd.ProcessState.ExitCode()
}
