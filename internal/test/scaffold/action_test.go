package scaffold_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/doomshrine/gocosi/internal/test/workflow"
)

// definition holds an action.yml. Strict parsing refuses any other field.
type definition struct {
	Name, Description, Author string
	Inputs                    map[string]struct {
		Description string
		Required    bool
		Default     *string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []workflowStep
	}
}

type workflowStep struct {
	Name, ID, If, Uses, Shell, Run string
	With                           map[string]any
	Env                            map[string]string
}

// TestActionIsYAML reads the conformance action's definition with a parser of YAML, and compares that with what its tests read.
func TestActionIsYAML(t *testing.T) {
	t.Parallel()
	d, read := definition{}, workflow.ReadDefinition(t)
	if err := yaml.UnmarshalStrict([]byte(workflow.File(t, "action.yml")), &d); err != nil {
		t.Fatal(err)
	}
	defaults, required := map[string]string{}, []string{}
	for name, input := range d.Inputs {
		if input.Required == (input.Default != nil) || input.Description == "" {
			t.Errorf("input %s: want a description, and either a default or required", name)
		}
		defaults[name] = ""
		if input.Required {
			required = append(required, name)
		} else if input.Default != nil {
			defaults[name] = *input.Default
		}
	}
	if !maps.Equal(read.Inputs, defaults) || !slices.Equal(read.Required, required) {
		t.Errorf("the inputs are %q and %q, want %q and %q", read.Inputs, read.Required, defaults, required)
	}
	if d.Runs.Using != "composite" {
		t.Errorf("the action is %q, want composite", d.Runs.Using)
	}
	at := slices.IndexFunc(d.Runs.Steps, func(s workflowStep) bool { return s.ID == "check" })
	if step := d.Runs.Steps[at]; read.Run != step.Run || !maps.Equal(read.Env, step.Env) {
		t.Errorf("the step is %q with %q, want %q with %q", read.Run, read.Env, step.Run, step.Env)
	}
	for _, step := range d.Runs.Steps {
		step.check(t)
		if (step.Run == "") != (step.Shell == "") {
			t.Errorf("step %s: %q, want a shell for a command", step.Name, step.Shell)
		}
	}
}

// TestExamplesAreYAML does the same with the workflows of its documentation.
func TestExamplesAreYAML(t *testing.T) {
	t.Parallel()
	for _, e := range workflow.Examples(t) {
		var text struct {
			Jobs map[string]struct {
				Env   map[string]string
				Steps []workflowStep
			}
		}
		if err := yaml.Unmarshal([]byte(e.Text), &text); err != nil {
			t.Fatalf("%s: %v", e.Heading, err)
		}
		job := text.Jobs["conformance"]
		if !maps.Equal(e.Env, job.Env) {
			t.Errorf("%s: the environment is %q, want %q", e.Heading, e.Env, job.Env)
		}
		last := job.Steps[len(job.Steps)-1]
		with := map[string]string{}
		for name, value := range last.With {
			with[name] = fmt.Sprint(value)
		}
		if !maps.Equal(e.With, with) {
			t.Errorf("%s: the inputs are %q, want %q", e.Heading, e.With, with)
		}
		for _, step := range job.Steps {
			step.check(t)
		}
	}
}

// pinned matches actions that cannot change. Two of the release's are named by tag: see release.yml.
var pinned = regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40}$|^doomshrine/gocosi/\.github/actions/conformance@v\d+\.\d+\.\d+$|^actions/(attest-build-provenance|download-artifact)@v\d+\.\d+\.\d+$`)

// check expects that no expression becomes a part of a command, and that no other action can change.
func (s workflowStep) check(t *testing.T) {
	t.Helper()
	if strings.Contains(s.Run, "${{") {
		t.Errorf("step %q has an expression in its command, want it in env", s.Run)
	}
	if s.Run == "" && !pinned.MatchString(s.Uses) {
		t.Errorf("step %q uses %q, want a commit", s.Name, s.Uses)
	}
}
