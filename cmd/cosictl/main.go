package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program but for the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	v := &invocation{stdin: stdin, stdout: stdout, options: defaults(os.Getenv)}
	name, err := v.dispatch(ctx, args)
	return conclude(stderr, name, err)
}

// invocation is one run of the program.
type invocation struct {
	options

	stdin   io.Reader
	stdout  io.Writer
	secrets secrets
}

// command is what the first argument chooses.
type command struct {
	name  string
	args  string // names of what it takes
	short string
	flags func(*flag.FlagSet) // its own, beside those that all commands have; nil: none
	run   func(ctx context.Context, args []string) error
}

func (v *invocation) commands() []command {
	return []command{
		{"info", "", "ask the driver's name", nil, v.info},
		{"create", "NAME", "create a bucket", v.parameterFlags, v.create},
		{"delete", "BUCKET_ID", "delete a bucket", v.parameterFlags, v.delete},
		{"grant", "BUCKET_ID NAME", "grant access to a bucket", v.grantFlags, v.grant},
		{"revoke", "BUCKET_ID ACCOUNT_ID", "revoke access to a bucket", v.parameterFlags, v.revoke},
		{"health", "", "ask whether the driver is serving", nil, v.health},
		{"check", "", "hold the driver against the specification", v.checkFlags, v.check},
	}
}

// dispatch runs the command that args name, and returns its name.
func (v *invocation) dispatch(ctx context.Context, args []string) (name string, err error) {
	set := newFlagSet("cosictl")
	v.commonFlags(set)
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp), err == nil && set.Arg(0) == "help" && set.NArg() == 1:
		return "", v.help(set)
	case err != nil:
		return "", usageError{fmt.Errorf("%w; see cosictl -h", err)}
	case set.NArg() == 0:
		return "", usageError{errors.New("no command is given; see cosictl -h")}
	}
	if slices.ContainsFunc(args, func(arg string) bool { return !utf8.ValidString(arg) }) {
		return "", usageError{errors.New("an argument is not valid UTF-8, and COSI sends nothing else")}
	}
	name, args = set.Arg(0), set.Args()[1:]
	if name == "help" {
		name, args = args[0], []string{"-h"}
	}
	for _, c := range v.commands() {
		if c.name == name {
			return name, v.execute(ctx, c, args)
		}
	}
	return "", usageError{fmt.Errorf("there is no command %q; see cosictl -h", name)}
}

// execute reads the command's flags and arguments, and runs it.
func (v *invocation) execute(ctx context.Context, c command, args []string) error {
	set := newFlagSet(c.name)
	v.commonFlags(set)
	if c.flags != nil {
		c.flags(set)
	}
	positional, err := parse(set, args)
	if errors.Is(err, flag.ErrHelp) {
		return v.helpOn(c, set)
	}
	if want := strings.Fields(c.args); err == nil && len(positional) != len(want) {
		err = fmt.Errorf("takes %d arguments %v, and %d are given", len(want), want, len(positional))
	}
	if err == nil {
		err = v.validate()
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; see cosictl %s -h", err, c.name)}
	}
	return c.run(ctx, positional)
}
