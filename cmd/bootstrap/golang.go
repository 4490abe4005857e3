package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/doomshrine/gocosi/internal/bound"
)

// goTool runs the go command in the new module, whatever workspace the folder lies in and whatever GOFLAGS says of -mod
// and -modfile. The last flags count.
func goTool(ctx context.Context, dir string, stderr io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+dir)
	cmd.WaitDelay = 10 * time.Second // a compiler that outlives the go command holds its output
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err == nil {
		return nil
	}
	command := "go " + args[0]
	if args[0] == "mod" {
		command += " " + args[1]
	}
	reasons := reasonsIn(out)
	if len(reasons) > 1 {
		fmt.Fprintf(stderr, "%s says:\n", command)
		for _, line := range reasons {
			fmt.Fprintln(stderr, strings.Repeat(" ", 4)+bound.Printable(strings.ReplaceAll(line, "\t", "    "), bound.Text))
		}
	}
	if len(reasons) == 0 {
		return fmt.Errorf("%s: %w", command, err)
	}
	return fmt.Errorf("%s: %s", command, first(reasons))
}

// first returns the first reason on one line: lines that belong to the one before are indented.
func first(reasons []string) string {
	end := 1
	for end < len(reasons) && strings.HasPrefix(reasons[end], "\t") {
		end++
	}
	whole := strings.Join(strings.Fields(strings.Join(reasons[:end], " ")), " ")
	return bound.Printable(strings.TrimPrefix(whole, "go: "), bound.Text)
}

// reasonsIn returns the lines of the go command's output that tell of failures.
func reasonsIn(out []byte) []string {
	var reasons []string
	for line := range bytes.Lines(out) {
		text := strings.TrimRight(string(line), "\r\n")
		progress := strings.HasPrefix(text, "go: downloading ") || strings.HasPrefix(text, "go: finding ") || strings.HasPrefix(text, "# ")
		if !progress && strings.TrimSpace(text) != "" {
			reasons = append(reasons, text)
		}
	}
	return reasons
}

// tidy completes go.mod and go.sum.
func tidy(ctx context.Context, dir string, stderr io.Writer) error {
	err := goTool(ctx, dir, stderr, "mod", "tidy", "-modfile=")
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w; want it to work here: see GOFLAGS, GOPROXY and the network", err)
	}
	return err
}

// compile builds the module's packages and its program, and checks its tests too.
func compile(ctx context.Context, dir string, stderr io.Writer) error {
	for _, command := range []string{"build", "vet"} {
		args := []string{command, "-mod=readonly", "-modfile=", "-buildvcs=false", "./..."}
		if err := goTool(ctx, dir, stderr, args...); err != nil {
			return err
		}
	}
	return nil
}
