// Command rulesdoc writes what the documentation says of each rule: docs/requirements.md, and the sections of the rules in
// docs/conformance.md. Run it from the root of the repository:
//
//	go run ./internal/tools/rulesdoc
//
// With -check it writes nothing, and fails when a document differs from the rules.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("rulesdoc", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "compare the documents with the rules instead of writing them")
	docs := flags.String("docs", "docs", "the folder of the documents")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "unexpected argument %q; want flags only\n", flags.Arg(0))
		return 2
	}
	act := write
	if *check {
		act = compare
	}
	if err := errors.Join(
		act(filepath.Join(*docs, "requirements.md"), func(string) (string, error) { return requirements(), nil }),
		act(filepath.Join(*docs, "conformance.md"), conformance),
	); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// write brings a file up to date. A file that is up to date stays untouched.
func write(file string, update func(old string) (string, error)) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := update(string(old))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if text == string(old) {
		return nil
	}
	return os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // everybody may read the document
}

// compare reports the first line of a file that differs from the rules.
func compare(file string, update func(old string) (string, error)) error {
	have, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	want, err := update(string(have))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if line, differs := difference(string(have), want); differs {
		return fmt.Errorf("%s differs from the rules in line %d; write it with go run ./internal/tools/rulesdoc", file, line)
	}
	return nil
}

// difference returns the number of the first line in which the texts differ.
func difference(a, b string) (line int, differs bool) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return i + 1, true
		}
	}
	return min(len(as), len(bs)) + 1, len(as) != len(bs)
}
