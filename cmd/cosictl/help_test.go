package main

import (
	"os"
	"strings"
	"testing"
)

// Every command has examples, in its own help and in the program's, and the command line takes them.
func TestExamples(t *testing.T) {
	t.Parallel()
	all := must(t, "", "/nowhere/c.sock", "-h")
	for i, c := range (&invocation{}).commands() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			own := must(t, "", "/nowhere/c.sock", c.name, "-h")
			if len(c.examples) == 0 {
				t.Error("there is no example")
			}
			for _, example := range c.examples {
				if line := "\n  cosictl " + example + "\n"; !strings.Contains(own, line) || !strings.Contains(all, line) {
					t.Errorf("help lacks %q", line)
				}
				line, _, _ := strings.Cut(example, " <")
				name, rest, _ := strings.Cut(line, " ")
				v := &invocation{options: defaults(os.Getenv)}
				set := newFlagSet(c.name)
				v.commonFlags(set)
				if flags := v.commands()[i].flags; flags != nil {
					flags(set)
				}
				positional, err := parse(set, strings.Fields(rest))
				if name != c.name || err != nil || len(positional) != len(strings.Fields(c.args)) {
					t.Errorf("%q: %v, arguments %q", example, err, positional)
				}
			}
		})
	}
}
