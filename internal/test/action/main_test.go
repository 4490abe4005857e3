// Package action_test runs the conformance action's step with drivers that are right, guilty, hostile, or not there.
package action_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
	"github.com/doomshrine/gocosi/internal/test/workflow"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// memory builds examples/memory, and returns a command that runs it.
func memory(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "memory")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/doomshrine/gocosi/examples/memory").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return "exec '" + binary + "'"
}

// step has a workspace of its own. The pairs are inputs.
func step(t *testing.T, pairs ...string) workflow.Step {
	t.Helper()
	with := map[string]string{"endpoint": "unix://" + filepath.Join(harness.ShortDir(t), "made", "cosi.sock")}
	for i := 0; i < len(pairs); i += 2 {
		with[pairs[i]] = pairs[i+1]
	}
	return workflow.Step{Folder: t.TempDir(), With: with}
}

// expect compares the exit code with what the step says of it.
func expect(t *testing.T, r workflow.Result, code, verdict string) {
	t.Helper()
	if r.Outputs["exit-code"] != code || code == "0" != (r.Code == 0) || !strings.Contains(r.Outputs["verdict"], verdict) {
		t.Errorf("exit code %d, outputs %q, want exit code %s and %q\n%s", r.Code, r.Outputs, code, verdict, r.Log)
	}
	var commands []string
	if code != "0" {
		commands = []string{"::error title=COSI conformance::" + strings.ReplaceAll(r.Outputs["verdict"], "%", "%25")}
	}
	if strings.Join(r.Commands, "\n") != strings.Join(commands, "\n") {
		t.Errorf("the runner obeys %q, want %q", r.Commands, commands)
	}
}
