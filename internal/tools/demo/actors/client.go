package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Client runs cosictl with the driver's endpoint.
type Client struct {
	Binary   string
	Endpoint string
}

// Do makes a call and prints its answer with masked secrets.
func (c Client) Do(ctx context.Context, args ...string) error {
	out, err := c.run(ctx, args...)
	if err == nil {
		Say(args[0], "%s", oneLine(out))
	}
	return err
}

// Twice makes a call, repeats it, and fails unless both calls succeed with the same answer, including the secrets. It
// returns the answer as JSON.
func (c Client) Twice(ctx context.Context, args ...string) ([]byte, error) {
	first, err := c.exact(ctx, args...)
	if err != nil {
		return nil, err
	}
	if err := c.Do(ctx, args...); err != nil {
		return nil, err
	}
	return first, c.Again(ctx, first, args...)
}

// Again repeats a call and fails unless the answer equals want.
func (c Client) Again(ctx context.Context, want []byte, args ...string) error {
	got, err := c.exact(ctx, args...)
	if err != nil {
		return fmt.Errorf("%s again: %w", args[0], err)
	}
	if !bytes.Equal(want, got) {
		return fmt.Errorf("%s again: got another answer, want the first one", args[0])
	}
	Say(args[0]+" again", "OK, the same")
	return nil
}

// Refused makes a call that must fail with a code, and prints the reason.
func (c Client) Refused(ctx context.Context, code string, args ...string) error {
	_, err := c.run(ctx, args...)
	if err == nil {
		return fmt.Errorf("%s: succeeded, want %s", args[0], code)
	}
	_, reason, found := strings.Cut(err.Error(), code+": ")
	if !found {
		return fmt.Errorf("%w, want %s", err, code)
	}
	Say(args[0], "%s: %s", code, reason)
	return nil
}

// Check checks the driver against the specification and prints the verdict, which is the report's last line. If a case
// fails, the error holds the whole report.
func (c Client) Check(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, c.Binary, "check", "-endpoint", c.Endpoint, "-bad-name", "Not A Bucket").CombinedOutput()
	if err != nil {
		return fmt.Errorf("check: %w\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	Say("check", "%s", lines[len(lines)-1])
	return nil
}

// exact makes a call and returns the complete answer as JSON.
func (c Client) exact(ctx context.Context, args ...string) ([]byte, error) {
	return c.run(ctx, slices.Concat(args, []string{"-o", "json", "-show-secrets"})...)
}

func (c Client) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Binary, slices.Concat(args, []string{"-endpoint", c.Endpoint})...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s: %w: %s", args[0], err, oneLine(exit.Stderr))
	}
	return out, err
}

func oneLine(out []byte) string {
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ", ")
}
