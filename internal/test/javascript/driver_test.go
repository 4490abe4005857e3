package javascript_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// token is what the store's administrator shows.
const token = "administrator-of-a-test"

// driver is the process of a driver.
type driver struct {
	*harness.Child

	socket string
	store  string // its URL
	log    string // the file that it logs to
}

// start runs a driver, with a fault or without, on a socket of its own.
func (p programs) start(t *testing.T, fault string) *driver {
	t.Helper()
	return p.startOn(t, filepath.Join(harness.ShortDir(t), "cosi.sock"), fault)
}

// startOn waits until the driver says that it serves.
func (p programs) startOn(t *testing.T, socket, fault string) *driver {
	t.Helper()
	d := &driver{socket: socket, log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(p.folder, "main.js"), "--proto", p.proto, "--fault", fault)
	cmd.Stderr = log
	d.Child = harness.StartChild(t, cmd, "COSI_ENDPOINT=unix://"+d.socket, "STORE_TOKEN="+token)
	var serving struct {
		Store string `json:"store"`
	}
	if err := json.Unmarshal([]byte(d.Line(t)), &serving); err != nil {
		t.Fatalf("%v\n%s", err, d.logged(t))
	}
	d.store = serving.Store
	return d
}

// killed starts a driver on the socket that a killed one has left.
func (p programs) killed(t *testing.T) {
	t.Parallel()
	first := p.start(t, "")
	first.Kill()
	if _, err := os.Lstat(first.socket); err != nil {
		t.Fatal("the killed driver left no socket: ", err)
	}
	p.startOn(t, first.socket, "").ends(t)
}

// ends fails the test when the driver does not end well by a signal, or leaves its socket behind.
func (d *driver) ends(t *testing.T) {
	t.Helper()
	if err := d.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.Cmd.Wait(); err != nil {
		t.Errorf("the driver ended by %v, want exit code 0\n%s", err, d.logged(t))
	}
	if _, err := os.Lstat(d.socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there (%v), want it removed", err)
	}
}

func (d *driver) logged(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(d.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
