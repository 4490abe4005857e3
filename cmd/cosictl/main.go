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

// run runs the whole program, except for the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	v := &invocation{stdin: stdin, stdout: stdout, stderr: stderr, options: defaults(os.Getenv)}
	name, err := v.dispatch(ctx, args)
	return v.conclude(args, name, err)
}

// invocation holds one run of the program.
type invocation struct {
	options

	stdin          io.Reader
	stdout, stderr io.Writer
	secrets        secrets
	given          map[string]bool // flags of the command line
}

// command describes what the first argument chooses.
type command struct {
	name     string
	args     string // names of what it takes
	short    string
	examples []string            // without the program's name
	flags    func(*flag.FlagSet) // its own, besides those of all commands; nil: none
	run      func(ctx context.Context, args []string) error
}

func (v *invocation) commands() []command {
	return []command{
		{
			name: "info", short: "ask for the driver's name", run: v.info,
			examples: []string{"info", "info -endpoint tcp://driver.example.com:9000 -ca ca.pem -cert client.crt -key client.key"},
		},
		{
			name: "create", args: "NAME", short: "create a bucket", flags: v.parameterFlags, run: v.create,
			examples: []string{"create bucket-1 -p region=eu-west-1", "create bucket-1 -parameters - < secrets.json"},
		},
		{
			name: "delete", args: "BUCKET_ID", short: "delete a bucket", flags: v.parameterFlags, run: v.delete,
			examples: []string{"delete bucket-1"},
		},
		{
			name: "grant", args: "BUCKET_ID NAME", short: "grant access to a bucket", flags: v.grantFlags, run: v.grant,
			examples: []string{"grant bucket-1 ba-1 -auth key -o json -show-secrets"},
		},
		{
			name: "revoke", args: "BUCKET_ID ACCOUNT_ID", short: "revoke access to a bucket", flags: v.parameterFlags, run: v.revoke,
			examples: []string{"revoke bucket-1 ba-1"},
		},
		{
			name: "health", short: "ask whether the driver is serving", run: v.health,
			examples: []string{"health -endpoint unix:///run/cosi/cosi.sock -timeout 2s"},
		},
		{
			name: "check", short: "test the driver against the specification", flags: v.checkFlags, run: v.check,
			examples: []string{
				"check -parameters class.json -incompatible-parameters other.json -junit report.xml",
				"check -access-command cositest/hooks/s3-access.sh -log driver.log -destructive",
				"check -config check.json -strict",
				"check -list",
			},
		},
		{
			name: "version", short: "print the versions of this program and of its protocol, without connecting", run: v.version,
			examples: []string{"version -o json"},
		},
	}
}

// helpCommand names a command that the dispatcher handles.
const helpCommand = "help"

// dispatch runs the command that args name, and returns its name.
func (v *invocation) dispatch(ctx context.Context, args []string) (name string, err error) {
	set := newFlagSet("cosictl")
	v.commonFlags(set)
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp), err == nil && set.Arg(0) == helpCommand && set.NArg() == 1:
		return "", v.help(set)
	case err != nil:
		return "", usageError{fmt.Errorf("%w; see cosictl -h", explainFlag(set, err))}
	case set.NArg() == 0:
		return "", usageError{errors.New("no command is given; see cosictl -h")}
	}
	if slices.ContainsFunc(args, func(arg string) bool { return !utf8.ValidString(arg) }) {
		return "", usageError{errors.New("an argument is not valid UTF-8, and COSI sends nothing else")}
	}
	v.note(set)
	name, args = set.Arg(0), set.Args()[1:]
	if name == helpCommand {
		name, args = args[0], []string{"-h"}
	}
	known := []string{helpCommand}
	for _, c := range v.commands() {
		if c.name == name {
			return name, v.execute(ctx, c, args)
		}
		known = append(known, c.name)
	}
	return "", usageError{fmt.Errorf("there is no command %q%s; see cosictl -h", name, didYouMean(name, "", known))}
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
	v.note(set)
	if err == nil {
		err = v.configure(set)
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
