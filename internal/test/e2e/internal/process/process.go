// Package process runs a program in the background, keeps its output, and ends it by its process ID.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// grace limits how long a program may take to end after Ask.
const grace = 40 * time.Second

// Process holds a started program.
type Process struct {
	Name string
	Log  string // the file that holds its output
	pid  int
	done chan struct{}
	err  error // how it ended; set before done is closed
}

// Command describes a program to start.
type Command struct {
	Name string   // name in messages
	Path string   // of the executable
	Args []string // without the program's name
	Env  []string // in addition to PATH, HOME and TMPDIR
	Log  string   // file that receives the output
}

// Start starts a program, which ends at the latest with this process.
func Start(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(context.Background(), c.Path, c.Args...)
	cmd.Env = append(basicEnv(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = endWithParent()
	p := &Process{Name: c.Name, Log: c.Log, done: make(chan struct{})}
	started := make(chan error)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return p, nil
}

// run keeps its thread while the program runs, because the kernel treats the end of the thread that started a program
// as the end of the parent.
func (p *Process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = cmd.Process.Pid
	started <- nil
	p.err = cmd.Wait()
	close(p.done)
}

func basicEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// PID returns the ID of the process.
func (p *Process) PID() int { return p.pid }

// Done returns a channel that is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns how the program ended, or nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Ask sends SIGTERM and does not wait.
func (p *Process) Ask() { p.signal(syscall.SIGTERM) }

// Pause keeps the program from running, until Resume.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume lets a program run that Pause stopped.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Kill kills the program and waits until it is gone.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the program to end, and kills it when it does not end in time.
func (p *Process) Stop() error {
	p.Ask()
	select {
	case <-p.done:
		return p.err
	case <-time.After(grace):
		p.Kill()
		return fmt.Errorf("%s is still running, want it to end within %v", p.Name, grace)
	}
}

// signal signals only a process that nobody has waited for yet, so that its ID cannot belong to another process.
func (p *Process) signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(p.pid, s)
	}
}
