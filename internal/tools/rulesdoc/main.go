// Command gen writes docs/requirements.md from the rules; run it from the root of the repository:
//
//	go run ./internal/tools/rulesdoc > docs/requirements.md
//
// With -check it writes nothing, and fails when the file is not what it would write.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/doomshrine/gocosi/internal/rules"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("rulesdoc", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "compare the file with the rules instead of writing to standard output")
	file := flags.String("file", "docs/requirements.md", "the file that -check compares")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if !*check {
		fmt.Fprint(stdout, document())
		return 0
	}
	if err := compare(*file); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// compare tells the first line in which a file differs from the rules.
func compare(file string) error {
	have, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if line, differs := difference(string(have), document()); differs {
		return fmt.Errorf("%s differs from the rules in line %d; go run ./internal/tools/rulesdoc > docs/requirements.md writes it anew", file, line)
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

const introduction = `# What COSI v1alpha1 asks of a driver

<!-- Written by internal/tools/rulesdoc from internal/rules. Change the rules there. -->

Every rule that binds a driver, once. The library's checks, the conformance kit and its reports, the log and the other
documents quote the rules by these IDs, which are ours. [conformance.md](conformance.md) says what breaking one does in a
cluster, and how it is mended.

The **level** says how binding a rule is.

| level | meaning |
|---|---|
| MUST, MUST NOT, SHOULD, MAY | as the specification says it |
| REAL | no text says it, but the released sidecar or controller works only with drivers that do it |
| policy | neither asks for it; this library advises it |

The **source** is where a rule comes from.

| source | what it is |
|---|---|
| cosi.proto | the comments of the interface definition |
| spec.md | the text of the specification |
| sidecar v0.2.2 | what the released sidecar does, as its code has it |
| sidecar of v1alpha2 | what the coming sidecar refuses already |
| this library | experience with drivers in the field |

**What the library does** happens on every call, or at the start: the author of a driver need not do it again. Where the
column is empty only a test can tell, such as the conformance kit, and the driver has to see to it. The checks of
requests, the checks of responses, the turns that calls take, and the translation of codes can each be switched off.

Where the texts contradict each other, these rules follow the interface definition and what is deployed:

- A repeated call succeeds. The specification's prose allows ALREADY_EXISTS for it too, which the sidecar repeats for ever.
- Messages are those of cosi.proto. The prose has fields that were never released.
- What is left over from CSI is not asked for: GetPluginInfo, accessibility requirements.
- A grant without an authentication type is refused. A comment calls Key the default, but the field is required.
`

func document() string {
	var text strings.Builder
	text.WriteString(introduction)
	writeTable(&text, "Every call", "")
	for _, rpc := range []string{rules.GetInfo, rules.Create, rules.Delete, rules.Grant, rules.Revoke} {
		writeTable(&text, rpc, rpc)
	}
	return text.String()
}

// writeTable writes the rules of an RPC.
func writeTable(text *strings.Builder, heading, rpc string) {
	fmt.Fprintf(text, "\n## %s\n\n| ID | level | rule | what the library does | source |\n|---|---|---|---|---|\n", heading)
	for _, r := range rules.All() {
		if r.RPC == rpc {
			fmt.Fprintf(text, "| %s | %s | %s | %s | %s |\n", r.ID, r.Level, r.Text, r.Runtime, r.Source)
		}
	}
}
