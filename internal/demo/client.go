package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// client is cosictl, pointed at the driver.
type client struct {
	binary   string
	endpoint string
}

// do makes a call and prints what came back, secrets masked.
func (c client) do(ctx context.Context, args ...string) error {
	out, err := c.run(ctx, args...)
	if err == nil {
		say(args[0], "%s", oneLine(out))
	}
	return err
}

// twice makes a call and repeats it: both have to succeed with the same answer, secrets included.
func (c client) twice(ctx context.Context, args ...string) error {
	exact := slices.Concat(args, []string{"-o", "json", "-show-secrets"})
	first, err := c.run(ctx, exact...)
	if err != nil {
		return err
	}
	if err := c.do(ctx, args...); err != nil {
		return err
	}
	again, err := c.run(ctx, exact...)
	if err != nil {
		return fmt.Errorf("%s again: %w", args[0], err)
	}
	if !bytes.Equal(first, again) {
		return fmt.Errorf("%s again: answered differently", args[0])
	}
	say(args[0]+" again", "OK, the same")
	return nil
}

// check holds the driver against the specification, and shows every case.
func (c client) check(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.binary, "check", "-endpoint", c.endpoint, "-bad-name", "Not A Bucket")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

func (c client) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.binary, slices.Concat(args, []string{"-endpoint", c.endpoint})...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s: %w: %s", args[0], err, oneLine(exit.Stderr))
	}
	return out, err
}

func oneLine(out []byte) string {
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ", ")
}
