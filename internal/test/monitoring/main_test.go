// Package monitoring_test checks what "bootstrap -with monitoring" writes with Prometheus, Grafana's types and real drivers.
package monitoring_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Values that TestMain sets once for all tests.
var (
	root      string // the checkout of the library
	bootstrap string // the built command
	kustomize string // the built command, of the version that internal/test/scaffold requires
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "monitoring")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if root, err = filepath.Abs("../../.."); err != nil {
		return 0, err
	}
	bootstrap = filepath.Join(dir, "bootstrap")
	if err := build(root, bootstrap, "./cmd/bootstrap"); err != nil {
		return 0, err
	}
	kustomize = filepath.Join(dir, "kustomize")
	if err := build(filepath.Join(root, "internal", "test", "scaffold"), kustomize, "sigs.k8s.io/kustomize/kustomize/v5"); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// build compiles a program.
func build(folder, program, name string) error {
	cmd := exec.Command("go", "build", "-o", program, name)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", name, err, out)
	}
	return nil
}

// scaffold writes a driver with monitoring, and returns its folder.
func scaffold(t *testing.T, app, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new")
	cmd := exec.CommandContext(t.Context(), bootstrap, "-module", "example.com/acme/"+app, "-name", name, "-dir", dir, "-gocosi", root,
		"-with", "monitoring", "-build=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// read returns the text of a file.
func read(t *testing.T, elements ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// tool returns the path of one of Prometheus's programs, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("PROMETHEUS")
	if folder == "" {
		t.Skip("PROMETHEUS names no folder with prometheus and promtool: make test-monitoring fetches both and runs this test")
	}
	return filepath.Join(folder, name)
}

// promtool runs promtool, and returns what it says.
func promtool(t *testing.T, in []byte, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "promtool"), args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
	return string(out)
}
