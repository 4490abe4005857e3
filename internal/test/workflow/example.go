package workflow

import (
	"regexp"
	"strings"
	"testing"
)

// Example holds a workflow of README.md.
type Example struct {
	Heading, Text string            // Text is the whole workflow
	Env           map[string]string // of the job
	With          map[string]string // the inputs of the step
}

var fenced = regexp.MustCompile("(?s)## ([^\n]+)\n[^#]*?```yaml\n(.*?)```\n")

// Examples reads the workflows of README.md.
func Examples(t testing.TB) (all []Example) {
	t.Helper()
	for _, found := range fenced.FindAllStringSubmatch(File(t, "README.md"), -1) {
		e := Example{Heading: found[1], Text: found[2], Env: map[string]string{}, With: map[string]string{}}
		for _, variable := range block(t, e.Text, "env:") {
			e.Env[variable.key] = variable.value
		}
		_, step, ok := strings.Cut(e.Text, "uses: doomshrine/gocosi/.github/actions/conformance@")
		if !ok {
			t.Fatalf("the workflow in %q does not use the action, want a step that does", e.Heading)
		}
		for _, input := range block(t, step, "with:") {
			e.With[input.key] = input.value
		}
		all = append(all, e)
	}
	return all
}
