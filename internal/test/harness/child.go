package harness

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Child holds a process that exchanges lines with a test.
type Child struct {
	Cmd *exec.Cmd
	In  io.WriteCloser

	out *bufio.Scanner
}

// StartChild starts a command with the test's environment and the variables, and kills it after the test. Unless the command
// says otherwise, it prints to the test's standard error.
func StartChild(t testing.TB, cmd *exec.Cmd, variables ...string) *Child {
	t.Helper()
	cmd.Env = append(os.Environ(), variables...)
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &Child{Cmd: cmd, In: in, out: bufio.NewScanner(out)}
	t.Cleanup(c.Kill)
	return c
}

// Kill kills the process. A second call does nothing.
func (c *Child) Kill() {
	if c.Cmd.ProcessState == nil {
		_ = c.Cmd.Process.Kill()
		_ = c.Cmd.Wait()
	}
}

// Line waits for the next line of the process.
func (c *Child) Line(t testing.TB) string {
	t.Helper()
	late := time.AfterFunc(Limit, func() { _ = c.Cmd.Process.Kill() })
	defer late.Stop()
	if !c.out.Scan() {
		t.Fatal("the child process ended or wrote nothing in time, want a line")
	}
	return c.out.Text()
}
