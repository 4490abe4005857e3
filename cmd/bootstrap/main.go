// Command bootstrap writes the starting point of a COSI driver: a module that builds, passes its tests, runs and
// deploys, with an in-memory store in place of yours.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/doomshrine/gocosi/internal/buildinfo"
)

// version is set by the linker when a release is built; go build and go install record one by themselves.
var version string

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes the program and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := readFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage
	}
	if f.version {
		fmt.Fprintf(stdout, "bootstrap %s, %s\n", cmp.Or(version, buildinfo.Program()), runtime.Version())
		return 0
	}
	p, err := f.plan(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "bootstrap: %v\n", err)
		return exitUsage
	}
	if err := p.write(ctx, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "bootstrap: %v; nothing was written\n", err)
		return exitFailed
	}
	return 0
}
