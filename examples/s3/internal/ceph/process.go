package ceph

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// process is one that runs as long as the cluster.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
}

// spawn starts a process whose output goes to a file. If it ends by itself, so does c.running.
func (c *Cluster) spawn(program string, args ...string) error {
	log, err := os.Create(filepath.Join(c.folder, program+".log"))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	command := c.command(context.Background(), program, args...)
	command.Stdout, command.Stderr = log, log
	if err := c.children.start(command); err != nil {
		return err
	}
	p := &process{command: command, ended: make(chan struct{})}
	c.processes = append(c.processes, p)
	go func() {
		defer close(p.ended)
		err := command.Wait()
		c.end(fmt.Errorf("%s ended by itself: %w; the end of its log:\n%s", program, errors.Join(err, errEnded), tail(log.Name())))
	}()
	return nil
}

// errEnded stands where a process ended without a failure.
var errEnded = errors.New("want it to run")

// kill ends the process, and waits until it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill() // one that has ended by itself is fine
	<-p.ended
}

// command is one of Ceph's programs, in the folder of the cluster.
func (c *Cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(c.programs.bin, program), args...)
	command.Dir = c.folder
	command.Env = c.programs.environment(c.config())
	command.SysProcAttr = endWithParent()
	return command
}

// run runs a program to its end, and returns its standard output: the rest is for the error.
func (c *Cluster) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	var output, complaints strings.Builder
	command := c.command(ctx, program, args...)
	command.Stdout, command.Stderr = &output, &complaints
	err := c.children.start(command)
	if err == nil {
		err = command.Wait()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, lastLines(complaints.String()))
	}
	return []byte(output.String()), nil
}

// tail returns the last lines of a file.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text))
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
