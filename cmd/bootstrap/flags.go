package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

const usage = `Usage: bootstrap [flags]

Writes a new COSI driver. Without flags, it writes the module example.com/cosi-osp to ./cosi-osp.

`

const examples = `
Examples:
  bootstrap -module example.com/acme/cosi-osp -dir cosi-osp
  bootstrap -module example.com/acme/cosi-osp -name s3.acme.example
  bootstrap -with ha,monitoring # add a standby, alert rules and a dashboard
  bootstrap -gocosi v0.4.0      # require this release of the library
  bootstrap -gocosi ../gocosi   # use a checkout of the library
`

// flags holds the command line.
type flags struct {
	module, dir, name, gocosi string
	with                      string // names of extras
	build, version            bool
	empty                     []string // see emptyFlags
}

// readFlags parses the command line. Before it returns an error, it writes the reason to stderr.
func readFlags(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := f.newSet(stderr)
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q; see bootstrap -h", set.Arg(0))
		fmt.Fprintf(stderr, "bootstrap: %v\n", err)
		return f, err
	}
	f.empty = emptyFlags(set)
	return f, nil
}

// emptyFlags lists the flags that were given as "".
func emptyFlags(set *flag.FlagSet) []string {
	var names []string
	set.Visit(func(given *flag.Flag) {
		if given.Value.String() == "" {
			names = append(names, given.Name)
		}
	})
	return names
}

// newSet defines the flags.
func (f *flags) newSet(stderr io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("bootstrap", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() { printUsage(set) }
	set.StringVar(&f.module, "module", "example.com/cosi-osp", "`path` of the new module")
	set.StringVar(&f.dir, "dir", "cosi-osp", "`folder` to write to, which must be empty or not exist")
	set.StringVar(&f.name, "name", "", "`name` of the driver (default: derived from the module's path)")
	set.StringVar(&f.gocosi, "gocosi", "", "`version or path` of the library (default: this one)")
	set.StringVar(&f.with, "with", "", "comma-separated `extras` to add: "+extraNames())
	set.BoolVar(&f.build, "build", true, "build the new module before putting it in place, which takes minutes the first time")
	set.BoolVar(&f.version, "version", false, "print the version of this program, and write nothing")
	return set
}

func printUsage(set *flag.FlagSet) {
	fmt.Fprint(set.Output(), usage)
	set.PrintDefaults()
	fmt.Fprint(set.Output(), "\nExtras:\n"+extraUsage()+examples)
}

// check refuses empty flags and a bad module path.
func (f *flags) check() error {
	var problems []error
	for _, name := range f.empty {
		problems = append(problems, fmt.Errorf("-%s is empty; want a value, or no -%[1]s for the default", name))
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	return checkModule(f.module)
}
