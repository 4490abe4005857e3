package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/doomshrine/gocosi"
)

// poll is how often a starting driver is asked whether it serves.
const poll = 20 * time.Millisecond

// driver is a driver's process.
type driver struct {
	binary string
	socket string

	process *exec.Cmd
	log     *bytes.Buffer
	exited  chan struct{}
}

// command runs a program that builds something; no C compiler is needed for that.
func command(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// start runs the driver and waits until it serves.
func (d *driver) start(ctx context.Context) error {
	log := &bytes.Buffer{}
	cmd := exec.CommandContext(ctx, d.binary)
	cmd.Env = append(os.Environ(), gocosi.EnvCOSIEndpoint+"=unix://"+d.socket)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	d.process, d.log, d.exited = cmd, log, exited
	if err := d.ready(ctx); err != nil {
		d.kill()
		return fmt.Errorf("%w; the driver's log:\n%s", err, d.log)
	}
	return nil
}

func (d *driver) ready(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := gocosi.Probe(ctx, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://"+d.socket))
		if err == nil {
			return nil
		}
		select {
		case <-d.exited:
			return errors.New("the driver ended")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// terminate asks the driver to end and expects exit code 0.
func (d *driver) terminate(ctx context.Context) error {
	if err := d.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.exited:
	case <-ctx.Done():
		return ctx.Err()
	}
	if code := d.process.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d; the driver's log:\n%s", code, d.log)
	}
	return nil
}

// kill ends the driver at once; one that has ended stays so.
func (d *driver) kill() {
	if d.process != nil {
		_ = d.process.Process.Kill()
		<-d.exited
	}
}
