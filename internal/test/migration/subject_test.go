package migration_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/sockdir"
	before "github.com/doomshrine/gocosi/internal/test/migration/before/provisioner"
	"github.com/doomshrine/gocosi/internal/test/migration/store"
)

// limit bounds how long a test waits for something that must happen.
const limit = 30 * time.Second

const (
	storeEndpoint = "https://files.example.com"
	adminPassword = "the-admins-password"
	adminURL      = "https://admin:" + adminPassword + "@files.example.com"
)

// buffer keeps a driver's log. It is safe for concurrent use.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// place holds the folders of a driver's socket and store.
type place struct{ socket, store string }

func newPlace(t *testing.T) place {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	p := place{filepath.Join(folder, "s"), filepath.Join(folder, "store")}
	if err := os.Mkdir(p.socket, 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p place) path() string { return filepath.Join(p.socket, "cosi.sock") }

// dial waits until the driver answers.
func (p place) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := address.Socket(p.path()).Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if _, err := cosi.NewIdentityClient(conn).DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// process holds a driver that runs as a program.
type process struct {
	cmd   *exec.Cmd
	log   *buffer
	ended chan struct{} // closed when the program has ended
}

// launch starts a program in a place.
func launch(t *testing.T, program string, p place, env ...string) *process {
	t.Helper()
	started := &process{cmd: exec.Command(program), log: &buffer{}, ended: make(chan struct{})}
	started.cmd.Env = append(os.Environ(), append([]string{
		"COSI_ENDPOINT=unix://" + p.path(), "STORE_FOLDER=" + p.store, "STORE_ENDPOINT=" + storeEndpoint,
		"STORE_ADMIN_URL=" + adminURL, "HEALTH_ADDRESS=127.0.0.1:0",
	}, env...)...)
	started.cmd.Stderr = started.log
	if err := started.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(started.ended); _ = started.cmd.Wait() }()
	t.Cleanup(func() { started.end(t, syscall.SIGKILL) })
	return started
}

// end sends a signal, waits until the program has ended, and returns its exit code, -1 after a signal.
func (p *process) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	_ = p.cmd.Process.Signal(signal)
	return p.wait(t)
}

func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		t.Fatalf("%s does not end, want it to end after the signal\n%s", p.cmd.Path, p.log)
	}
	return p.cmd.ProcessState.ExitCode()
}

// oldHandlers serves the handlers of before with gocosi, and returns the log.
func oldHandlers(t *testing.T, p place) *buffer {
	t.Helper()
	backend, err := store.New(p.store)
	if err != nil {
		t.Fatal(err)
	}
	log := &buffer{}
	driver, err := gocosi.New(gocosi.NewIdentity("files.example.com"),
		&before.Server{Store: backend, Endpoint: storeEndpoint, AdminURL: adminURL},
		gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(p.path()),
		gocosi.WithLogger(funcr.New(func(_, line string) { _, _ = log.Write([]byte(line + "\n")) }, funcr.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- driver.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return log
}

// eventually waits until done returns true.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
