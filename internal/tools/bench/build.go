package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The names of the programs that the benchmark compares.
const (
	programBare     = "bare"
	programDriver   = "driver"
	programScaffold = "scaffold"
)

// program describes the binary of a server, and counts what it is made of.
type program struct {
	name     string
	binary   string
	size     float64 // stripped, in bytes
	packages int
	modules  int
}

// binaries holds everything that build has built.
type binaries struct {
	programs  []program
	collector string
}

// build builds the programs and the collector in dir.
func build(ctx context.Context, dir string) (b binaries, err error) {
	out, err := run(ctx, ".", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/doomshrine/gocosi")
	if err != nil {
		return b, err
	}
	root, scaffold := strings.TrimSpace(out), filepath.Join(dir, "cosi-osp")
	if _, err := run(ctx, root, "go", "run", "./cmd/bootstrap", "-module", "example.com/cosi-osp", "-dir", scaffold); err != nil {
		return b, err
	}
	const own = "./internal/tools/bench/"
	for _, p := range []struct{ name, folder, pattern string }{
		{programBare, root, own + "bare"},
		{programDriver, root, own + "driver"},
		{programScaffold, scaffold, "."},
	} {
		built, err := buildProgram(ctx, p.name, p.folder, p.pattern, filepath.Join(dir, p.name))
		if err != nil {
			return b, err
		}
		b.programs = append(b.programs, built)
	}
	b.collector = filepath.Join(dir, "receiver")
	_, err = run(ctx, root, "go", "build", "-o", b.collector, own+"receiver")
	return b, err
}

func buildProgram(ctx context.Context, name, folder, pattern, binary string) (program, error) {
	p := program{name: name, binary: binary}
	if _, err := run(ctx, folder, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, pattern); err != nil {
		return p, err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return p, err
	}
	p.size = float64(info.Size())
	out, err := run(ctx, folder, "go", "list", "-deps", "-f", "{{.ImportPath}} {{if .Module}}{{.Module.Path}}{{end}}", pattern)
	var modules []string
	for line := range strings.Lines(out) {
		p.packages++
		if words := strings.Fields(line); len(words) > 1 && !slices.Contains(modules, words[1]) {
			modules = append(modules, words[1])
		}
	}
	p.modules = len(modules) - 1 // without the program's own module
	return p, err
}

// run runs a command of the Go toolchain without a C compiler, and returns its output.
func run(ctx context.Context, folder string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return string(out), err
}
