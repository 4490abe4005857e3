//go:build unix

package driver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// process is the driver as it is deployed.
type process struct {
	program, socket string
	environment     []string
	running         *exec.Cmd
	read            sync.WaitGroup // its log
}

func newProcess(t *testing.T, store site) *process {
	t.Helper()
	p := &process{program: filepath.Join(t.TempDir(), "driver")}
	folder := p.place(t)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", p.program, "..")
	build.Dir = packageDir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.environment = append(os.Environ(), "S3_STORE="+string(store.kind), "S3_ENDPOINT="+store.Endpoint)
	files := map[string]string{"S3_ACCESS_KEY_FILE": store.AccessKey, "S3_SECRET_KEY_FILE": store.SecretKey}
	if store.kind == driver.AWS {
		p.environment = append(p.environment, "S3_IAM_ENDPOINT="+store.IAMEndpoint)
		files["S3_SEAL_KEY_FILE"] = sealKey(t)
	}
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p.environment = append(p.environment, name+"="+path)
	}
	return p
}

// place gives the process a folder with its socket, for as long as the test runs.
func (p *process) place(t *testing.T) (folder string) {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	p.socket = filepath.Join(folder, "cosi.sock")
	t.Cleanup(func() {
		p.kill()
		_ = os.RemoveAll(folder)
	})
	return folder
}

// beside returns another process of the same driver, as that of a second replica is, with what differs in its environment.
func (p *process) beside(t *testing.T, environment ...string) *process {
	t.Helper()
	other := &process{program: p.program, environment: append(slices.Clone(p.environment), environment...)}
	other.place(t)
	return other
}

// start starts the driver and waits until it listens.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.running = exec.CommandContext(context.Background(), p.program)
	p.running.Env = append(slices.Clone(p.environment), "COSI_ENDPOINT="+p.socket)
	log, err := p.running.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.running.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(log)
	for line := ""; !strings.Contains(line, "driver listening"); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("the driver ended before it listened: %v", err)
		}
	}
	p.read.Go(func() { _, _ = io.Copy(io.Discard, lines) })
}

func (p *process) kill() {
	if p.running != nil {
		_ = p.running.Process.Kill()
		p.read.Wait() // before Wait, which closes the pipe
		_ = p.running.Wait()
	}
}

// pause stops the process as it stands, and returns when it does.
func (p *process) pause() error {
	pid := p.running.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	var state syscall.WaitStatus
	_, err := syscall.Wait4(pid, &state, syscall.WUNTRACED, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(pid, &state, syscall.WUNTRACED, nil)
	}
	if err == nil && !state.Stopped() {
		err = fmt.Errorf("the driver ended when it was to stop: %v", state)
	}
	return err
}

// wake lets a process that was paused go on.
func (p *process) wake() error { return syscall.Kill(p.running.Process.Pid, syscall.SIGCONT) }

// dial connects again at once whenever the driver comes back.
func (p *process) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+p.socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Millisecond, Multiplier: 1, MaxDelay: time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
