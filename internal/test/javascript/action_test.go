package javascript_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/workflow"
)

// action runs the step of the action's documentation as it stands there. Only the socket's folder and the store's port are
// others.
func (p programs) action(t *testing.T) {
	t.Parallel()
	example := exampleOf(t, "JavaScript")
	replace := strings.NewReplacer("/tmp/cosi/", harness.ShortDir(t)+"/", "8070", freePort(t)).Replace
	step := workflow.Step{Folder: filepath.Join(t.TempDir(), "driver"), With: map[string]string{}}
	for name, value := range example.With {
		step.With[name] = replace(value)
	}
	for name, value := range example.Env {
		step.Env = append(step.Env, name+"="+replace(value))
	}
	if step.With["endpoint"] == example.With["endpoint"] || replace(example.Env["STORE_URL"]) == example.Env["STORE_URL"] {
		t.Fatalf("%q and %q, want /tmp/cosi and port 8070 in the example", example.With, example.Env)
	}
	p.checkOut(t, step.Folder)
	r := step.Run(t)
	verdict := fmt.Sprintf("conforms: %d of %d cases checked, ", len(cositest.Cases())-len(inapplicable), len(cositest.Cases()))
	if r.Code != 0 || !strings.HasPrefix(r.Outputs["verdict"], verdict) || len(r.Commands) > 0 {
		t.Errorf("exit code %d, outputs %q, commands %q, want 0, %q and none\n%s", r.Code, r.Outputs, r.Commands, verdict, r.Log)
	}
	for _, name := range []string{"report.txt", "report.xml", "report.html", "report.json", "driver.log"} {
		if info, err := os.Stat(filepath.Join(r.Outputs["report"], name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, want a report with content", name, err)
		}
	}
	if !strings.Contains(r.Summary, r.Outputs["verdict"]) {
		t.Errorf("the summary is %q, want the verdict", r.Summary)
	}
}

func exampleOf(t *testing.T, language string) workflow.Example {
	t.Helper()
	for _, e := range workflow.Examples(t) {
		if strings.Contains(e.Heading, language) {
			return e
		}
	}
	t.Fatalf("the action's documentation has no workflow for a driver in %s, want one", language)
	return workflow.Example{}
}

// checkOut makes a workspace: the driver with its packages, and the file that describes the interface.
func (p programs) checkOut(t *testing.T, folder string) {
	t.Helper()
	if err := os.CopyFS(folder, os.DirFS("driver")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(p.folder, "node_modules"), filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	proto, err := os.ReadFile(p.proto)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "cosi.proto"), proto, 0o600); err != nil {
		t.Fatal(err)
	}
}

// freePort returns a port that nobody has had a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	_, port, err := net.SplitHostPort(lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
