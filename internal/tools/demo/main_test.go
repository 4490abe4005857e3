package main

import (
	"os/exec"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestReadme runs the demo and compares what it prints with README.md.
func TestReadme(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./internal/tools/demo")
	cmd.Dir = "../../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	harness.Excerpt(t, "../../../README.md", 0, string(out))
}
