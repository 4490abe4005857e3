package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// command is a line for the shell, and how it is run.
type command struct {
	line  string
	limit time.Duration
	mask  func(string) string
}

// result is what a command told.
type result struct {
	yes    bool // exit code 0; otherwise it was 1
	stdout []byte
	stderr string // the last lines, without secrets
}

const (
	shell   = "/bin/sh"
	maxRoom = 64 << 10        // bytes of standard output
	linger  = 2 * time.Second // how long a command's output is awaited once it has ended
)

var (
	errLate  = errors.New("it had not ended in time")
	errLoud  = errors.New("it wrote more than 64 KiB to standard output")
	errHeld  = errors.New("the command has ended, and what it left running holds its output: redirect the output of that")
	errNoEnd = errors.New("the command was killed")
)

// run runs the command. An error means that it told nothing. When ctx or the time ends, it is killed with all that it
// started.
func (c command) run(ctx context.Context, request any) (result, error) {
	input, err := encode(request)
	if err != nil {
		return result{}, err
	}
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, errLate)
	defer cancel()
	stdout, stderr := &head{full: func() { kill(errLoud) }}, &tail{}
	cmd := exec.CommandContext(ctx, shell, "-c", c.line)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = input, stdout, stderr, linger
	inGroup(cmd)
	yes, err := told(ctx, cmd.Run())
	if errors.Is(err, errHeld) {
		_ = killGroup(cmd) // its output is lost anyhow
	}
	r := result{yes, stdout.text, c.mask(stderr.String())}
	return r, r.explain(err)
}

// told is what the end of a command says: yes, no, or an error.
func told(ctx context.Context, err error) (bool, error) {
	var exit *exec.ExitError
	isExit := errors.As(err, &exit)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, fmt.Errorf("%w: %w", errNoEnd, context.Cause(ctx))
	case errors.Is(err, exec.ErrWaitDelay):
		return false, errHeld
	case isExit && exit.ExitCode() == 1:
		return false, nil
	case isExit:
		return false, fmt.Errorf("the command ended by %w; want exit code 0 or 1", exit)
	}
	return false, fmt.Errorf("the command cannot be run: %w", err)
}

// explain adds to an error what the command wrote to standard error.
func (r result) explain(err error) error {
	if err == nil || r.stderr == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, r.stderr)
}

// do runs a command that is asked to do something, and not whether something is so.
func (c command) do(ctx context.Context, request any) (result, error) {
	r, err := c.run(ctx, request)
	if err == nil && !r.yes {
		err = r.explain(errors.New("the command did not do it: exit code 1"))
	}
	return r, err
}

// encode leaves characters as they are wherever JSON lets it: a script may read it by simple means.
func encode(request any) (*bytes.Buffer, error) {
	text := &bytes.Buffer{}
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	return text, encoder.Encode(request)
}
