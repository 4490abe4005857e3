//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// A second signal ends the process although its drain goes on; it starts again on the same path.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	dir, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary, socket := filepath.Join(t.TempDir(), "memory"), filepath.Join(dir, "cosi.sock")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	driver, log := startProcess(t, binary, socket)
	conn, err := net.Dial("unix", socket) // says nothing, so the drain waits for it
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil { // the server's greeting: the connection was accepted
		t.Fatal(err)
	}
	terminate(t, driver)
	waitFor(t, log, "stopping")
	exited := make(chan struct{})
	go func() { defer close(exited); _, _ = io.Copy(io.Discard, log) }()
	// While the first signal is handed over, for a moment, another one counts as the same.
	for tick := time.Tick(20 * time.Millisecond); !closed(exited); <-tick {
		terminate(t, driver)
	}
	_ = driver.Wait()
	if status, ok := driver.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("the process ended by %s, not by the signal", driver.ProcessState)
	}

	next, log := startProcess(t, binary, socket)
	if err := gocosi.Probe(t.Context(), gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(socket)); err != nil {
		t.Error(err)
	}
	terminate(t, next)
	_, _ = io.Copy(io.Discard, log)
	if err := next.Wait(); err != nil {
		t.Errorf("the process ended by %v", err)
	}
}

// startProcess runs the driver and waits until it listens.
func startProcess(t *testing.T, binary, socket string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), gocosi.EnvCOSIEndpoint+"="+socket)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := bufio.NewReader(stderr)
	waitFor(t, log, "driver listening")
	return cmd, log
}

func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// waitFor reads the log up to a line that holds the words.
func waitFor(t *testing.T, log *bufio.Reader, words string) {
	t.Helper()
	for {
		line, err := log.ReadString('\n')
		if err != nil {
			t.Fatalf("the log ends before %q: %v", words, err)
		}
		if strings.Contains(line, words) {
			return
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
