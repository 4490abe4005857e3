// Package workflow runs the conformance action's step as a workflow does, and reads its definition and its documentation.
package workflow

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// folder is the action's, seen from a package of internal/test.
const folder = "../../../.github/actions/conformance"

// Definition holds what action.yml says of the step that checks the driver.
type Definition struct {
	Inputs   map[string]string // defaults by name
	Required []string
	Env      map[string]string // of the step: expressions by variable
	Run      string            // the step's command
}

// ReadDefinition reads action.yml.
func ReadDefinition(t testing.TB) Definition {
	t.Helper()
	text := File(t, "action.yml")
	d := Definition{Inputs: map[string]string{}, Env: map[string]string{}}
	for _, input := range block(t, text, "inputs:") {
		for _, property := range fields(t, input.body) {
			switch {
			case property.key == "default":
				d.Inputs[input.key] = property.value
			case property.key == "required" && property.value == "true":
				d.Inputs[input.key] = ""
				d.Required = append(d.Required, input.key)
			}
		}
	}
	_, step, _ := strings.Cut(text, "id: check\n")
	for _, variable := range block(t, step, "env:") {
		d.Env[variable.key] = variable.value
	}
	_, run, _ := strings.Cut(step, "run: ")
	d.Run, _, _ = strings.Cut(run, "\n")
	return d
}

// File returns the text of a file of the action.
func File(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var expression = regexp.MustCompile(`^\$\{\{ inputs\.([a-z-]+) \}\}$`)

// environment returns the step's variables for the inputs of a workflow.
func (d Definition) environment(t testing.TB, with map[string]string) (env []string) {
	t.Helper()
	for name := range with {
		if _, ok := d.Inputs[name]; !ok {
			t.Fatalf("action.yml has no input %q, want one that it has", name)
		}
	}
	for _, name := range d.Required {
		if _, ok := with[name]; !ok {
			t.Fatalf("input %s is missing, want all that are required", name)
		}
	}
	for variable, text := range d.Env {
		found := expression.FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%s is %q, want an input", variable, text)
		}
		value, ok := with[found[1]]
		if !ok {
			value, ok = d.Inputs[found[1]]
		}
		if !ok {
			t.Fatalf("%s is about input %q, want one that action.yml has", variable, found[1])
		}
		env = append(env, variable+"="+value)
	}
	return env
}
