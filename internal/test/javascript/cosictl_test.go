package javascript_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs are what the tests run.
type programs struct {
	folder  string // of the driver and its hooks
	proto   string // the file that describes the interface
	cosictl string
}

func newPrograms(t *testing.T) programs {
	t.Helper()
	p := programs{folder: install(t), cosictl: filepath.Join(t.TempDir(), "cosictl")}
	runGo(t, "build", "-o", p.cosictl, "github.com/doomshrine/gocosi/cmd/cosictl")
	p.proto = filepath.Join(runGo(t, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/container-object-storage-interface-spec"), "cosi.proto")
	return p
}

func runGo(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		exit, _ := errors.AsType[*exec.ExitError](err)
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out))
}

// check holds a driver against the specification, and returns the exit code too.
func (p programs) check(t *testing.T, d *driver, flags ...string) (r report, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.cosictl, append([]string{"check", "-o", "json", "-endpoint", d.socket}, flags...)...)
	cmd.Env = append(os.Environ(), "STORE_URL="+d.store, "STORE_TOKEN="+token)
	said := &strings.Builder{}
	cmd.Stderr = said
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v in %q\n%s", err, out, said)
	}
	return r, cmd.ProcessState.ExitCode()
}
