package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/doomshrine/gocosi"
)

// poll is the time between two probes of a starting driver.
const poll = 20 * time.Millisecond

// Driver runs a driver as a process.
type Driver struct {
	Binary string
	Socket string
	Args   []string
	Env    []string // additional to this process's environment

	process *exec.Cmd
	log     *bytes.Buffer
	exited  chan struct{}
}

// Endpoint returns the URL of the driver's socket.
func (d *Driver) Endpoint() string { return "unix://" + d.Socket }

// Start runs the driver and waits until it serves.
func (d *Driver) Start(ctx context.Context) error {
	log := &bytes.Buffer{}
	cmd := exec.CommandContext(ctx, d.Binary, d.Args...)
	cmd.Env = append(append(os.Environ(), gocosi.EnvCOSIEndpoint+"="+d.Endpoint()), d.Env...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	d.process, d.log, d.exited = cmd, log, exited
	if err := d.ready(ctx); err != nil {
		d.Kill()
		return fmt.Errorf("%w; the driver's log:\n%s", err, d.log)
	}
	return nil
}

func (d *Driver) ready(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := gocosi.Probe(ctx, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(d.Endpoint()))
		if err == nil {
			return nil
		}
		select {
		case <-d.exited:
			return errors.New("the driver ended, want it to serve")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// Restart kills the driver and starts it again on the path of the dead socket.
func (d *Driver) Restart(ctx context.Context) error {
	d.Kill()
	if _, err := os.Lstat(d.Socket); err != nil {
		return fmt.Errorf("the killed driver left no socket behind: %w", err)
	}
	Say("SIGKILL", "the dead socket is still there")
	if err := d.Start(ctx); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	Say("restart", "serving on the same path")
	return nil
}

// Terminate asks the driver to end, and fails unless it exits with code 0 and removes its socket.
func (d *Driver) Terminate(ctx context.Context) error {
	if err := d.process.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("SIGTERM: %w", err)
	}
	select {
	case <-d.exited:
	case <-ctx.Done():
		return fmt.Errorf("SIGTERM: %w", ctx.Err())
	}
	if code := d.process.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("SIGTERM: exit code %d, want 0; the driver's log:\n%s", code, d.log)
	}
	if _, err := os.Lstat(d.Socket); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the driver ended and left its socket behind: %s", d.Socket)
	}
	Say("SIGTERM", "exit code 0, the socket is gone")
	return nil
}

// Kill kills the driver, unless it has ended already.
func (d *Driver) Kill() {
	if d.process != nil {
		_ = d.process.Process.Kill()
		<-d.exited
	}
}
