package soak_test

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process controls a driver in a process of its own.
type process struct {
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	questions *gob.Encoder
	answers   *gob.Decoder
}

// startProcess starts a driver that listens on path.
func startProcess(path string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(self, "-test.run=^TestChild$")}
	p.cmd.Env = append(os.Environ(), socketVariable+"="+path)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out) // the rest of the output is the test's own
	p.questions, p.answers = gob.NewEncoder(p.in), gob.NewDecoder(p.out)
	return p, p.cmd.Start()
}

// ask waits for the answer to a question.
func (p *process) ask(q question) (r reply, err error) {
	late := time.AfterFunc(answerLimit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.questions.Encode(q); err != nil {
		return r, err
	}
	return r, p.answers.Decode(&r)
}

// signal asks the process to end.
func (p *process) signal(s os.Signal) error {
	return errors.Join(p.cmd.Process.Signal(s), p.in.Close())
}

// end waits for the end of a process. A process that nobody killed must exit with success.
func (p *process) end() error {
	late := time.AfterFunc(answerLimit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	text, _ := io.ReadAll(p.out)
	err := p.cmd.Wait()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL && late.Stop() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the driver's process: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

// restart holds the costs of a restart.
type restart struct {
	signal syscall.Signal
	took   time.Duration // from the signal to the successor's first answer
	lost   int           // lost calls
}

// restart ends the driver with the signal, and starts the next driver as soon as the socket is free or dead.
func (t *target) restart(old *process, signal syscall.Signal) (next *process, done restart, err error) {
	before := t.tally().lost
	t.leaves()
	began := time.Now()
	if err := errors.Join(old.signal(signal), t.freed(old, signal)); err != nil {
		return old, done, err
	}
	if next, err = startProcess(t.path); err != nil {
		return next, done, err
	}
	err = t.firstAnswer()
	took := time.Since(began)
	t.comes()
	if signal == syscall.SIGTERM {
		err = errors.Join(err, old.end())
	}
	return next, restart{signal, took, t.tally().lost - before}, err
}

// freed waits until the next driver can listen. After SIGKILL the driver must be gone, after SIGTERM its socket.
func (t *target) freed(old *process, signal syscall.Signal) error {
	if signal == syscall.SIGKILL {
		return old.end()
	}
	for end := time.Now().Add(answerLimit); ; time.Sleep(time.Millisecond) {
		_, err := os.Lstat(t.path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is still there %s after SIGTERM; want it gone", t.path, answerLimit)
		}
	}
}

// firstAnswer waits until the driver answers.
func (t *target) firstAnswer() error {
	conn, err := dial(t.path)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	return connect(ctx, conn)
}

// keepRestarting restarts the driver with SIGTERM and SIGKILL in turn until ctx ends, and returns the last process.
func (t *target) keepRestarting(ctx context.Context, p *process, stay time.Duration, note func(restart)) (*process, error) {
	signals := [...]syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}
	for n := 0; lasting(ctx, stay+rand.N(stay)) == nil; n++ {
		next, done, err := t.restart(p, signals[n%len(signals)])
		if p = next; err != nil {
			return p, fmt.Errorf("restart by %s: %w", signals[n%len(signals)], err)
		}
		note(done)
	}
	return p, nil
}
