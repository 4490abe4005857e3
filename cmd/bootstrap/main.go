// Command bootstrap writes the starting point of a COSI driver: a module that builds, passes its tests, runs and
// deploys, with an in-memory store in the place of yours.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

const usage = `Usage: bootstrap [flags]

Writes a new COSI driver. Without flags: module example.com/cosi-osp in ./cosi-osp.

`

const examples = `
Examples:
  bootstrap -module example.com/acme/cosi-osp -dir cosi-osp
  bootstrap -module example.com/acme/cosi-osp -name s3.acme.example
  bootstrap -gocosi v0.4.0      # require that release of the library
  bootstrap -gocosi ../gocosi   # use a checkout of the library
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program but for the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var f flags
	set := flag.NewFlagSet("bootstrap", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprint(set.Output(), usage)
		set.PrintDefaults()
		fmt.Fprint(set.Output(), examples)
	}
	set.StringVar(&f.module, "module", "example.com/cosi-osp", "`path` of the new module")
	set.StringVar(&f.dir, "dir", "cosi-osp", "`folder` to write, which does not exist or is empty")
	set.StringVar(&f.name, "name", "", "`name` of the driver (default: made from the module's path)")
	set.StringVar(&f.gocosi, "gocosi", "", "`version or path` of the library (default: this one)")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	if set.NArg() > 0 {
		fmt.Fprintf(stderr, "bootstrap: unexpected argument %q; see bootstrap -h\n", set.Arg(0))
		return exitUsage
	}
	set.Visit(func(given *flag.Flag) {
		if given.Value.String() == "" {
			f.empty = append(f.empty, given.Name)
		}
	})
	p, err := f.plan(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "bootstrap: %v\n", err)
		return exitUsage
	}
	if err := p.write(ctx, stdout); err != nil {
		fmt.Fprintf(stderr, "bootstrap: %v; nothing was written\n", err)
		return exitFailed
	}
	return 0
}
