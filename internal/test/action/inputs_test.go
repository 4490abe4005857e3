package action_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/workflow"
)

func TestWrongInputs(t *testing.T) {
	t.Parallel()
	for _, one := range []struct{ input, value, says string }{
		{"endpoint", "", "endpoint is empty, want "},
		{"endpoint", "http://x", `endpoint="http://x": the scheme is not supported`},
		{"strict", "yes", `strict is "yes", want true or false`},
		{"strict", "%0A::error::injected", `strict is "%0A::error::injected", want `},
		{"wait", "1h", `wait is "1h", want seconds`},
		{"wait", "", `wait is "", want seconds`},
		{"report", "", "report is empty, want a folder"},
		{"config", "none.json", `config is "none.json", want a file`},
		{"working-directory", "none", "working-directory cannot be entered"},
		{"args", "-nonsense", "there is no flag -nonsense"},
		{"args", "$(touch injected)", "takes 0 arguments"},
	} {
		t.Run(one.input+" "+one.value, func(t *testing.T) {
			t.Parallel()
			s := step(t, "wait", "0s", one.input, one.value)
			expect(t, s.Run(t), "2", one.says)
			if found, err := filepath.Glob(filepath.Join(s.Folder, "injected")); err != nil || len(found) > 0 {
				t.Errorf("the value was run (%v), want it passed on", err)
			}
		})
	}
}

// TestOccupied starts a driver where another one answers already.
func TestOccupied(t *testing.T) {
	t.Parallel()
	r := step(t, "endpoint", serveGuilty(t), "start", "echo started >started").Run(t)
	expect(t, r, "2", "somebody answers at the endpoint before the driver is started")
}

// TestInputsArePassed follows each input from action.yml to the script, or to another step, and into the documentation.
func TestInputsArePassed(t *testing.T) {
	t.Parallel()
	d := workflow.ReadDefinition(t)
	definition, script, manual := workflow.File(t, "action.yml"), workflow.File(t, "check.sh"), workflow.File(t, "README.md")
	rows := rowsOf(manual, "## Inputs")
	for _, name := range slices.Sorted(maps.Keys(d.Inputs)) {
		if _, steps, _ := strings.Cut(definition, "\nruns:\n"); !regexp.MustCompile(`\$\{\{ inputs\.` + name + `\b`).MatchString(steps) {
			t.Errorf("no step uses input %s", name)
		}
		want := "`" + d.Inputs[name] + "`"
		if slices.Contains(d.Required, name) {
			want = "required"
		} else if d.Inputs[name] == "" {
			want = "none"
		}
		if rows[name] != want {
			t.Errorf("README.md says of input %s that its default is %q, want %q", name, rows[name], want)
		}
		delete(rows, name)
	}
	for variable := range d.Env {
		if !regexp.MustCompile(`\$\{?` + variable + `\b`).MatchString(script) {
			t.Errorf("check.sh does not use %s", variable)
		}
	}
	for _, found := range regexp.MustCompile(`\$\{?(CONFORMANCE_[A-Z]+)`).FindAllStringSubmatch(script, -1) {
		if d.Env[found[1]] == "" {
			t.Errorf("check.sh uses %s, want it in the step's env", found[1])
		}
	}
	outputs := rowsOf(manual, "## Outputs")
	for _, found := range regexp.MustCompile(`steps\.check\.outputs\.([a-z-]+)`).FindAllStringSubmatch(definition, -1) {
		if _, ok := outputs[found[1]]; !ok || !strings.Contains(script, found[1]+"=%s") {
			t.Errorf("output %s is missing in README.md or check.sh", found[1])
		}
	}
	if len(rows) > 0 {
		t.Errorf("README.md has the inputs %q, want those of action.yml alone", rows)
	}
}

// rowsOf returns the second cells of the table under a heading, by the names in the first.
func rowsOf(text, heading string) map[string]string {
	_, text, _ = strings.Cut(text, heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	rows := map[string]string{}
	for _, found := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([^|]+) \\|").FindAllStringSubmatch(text, -1) {
		rows[found[1]] = found[2]
	}
	return rows
}

// TestExamplesOfREADME lists the cases by the arguments of each example: cosictl knows all flags.
func TestExamplesOfREADME(t *testing.T) {
	t.Parallel()
	d, examples := workflow.ReadDefinition(t), workflow.Examples(t)
	if len(examples) < 2 {
		t.Fatalf("README.md has %d workflows, want two or more", len(examples))
	}
	for _, e := range examples {
		for name := range e.With {
			if _, ok := d.Inputs[name]; !ok {
				t.Errorf("%s: the action has no input %s", e.Heading, name)
			}
		}
		args := append([]string{"run", "github.com/doomshrine/gocosi/cmd/cosictl", "check", "-list"}, strings.Split(strings.TrimSpace(e.With["args"]), "\n")...)
		if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", e.Heading, err, out)
		}
	}
}

// TestOutputsAreLines refuses what would add outputs of its own.
func TestOutputsAreLines(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"report", "working-directory"} {
		r := step(t, "start", "exit 0", input, "x\nexit-code=0\nverdict=all rules kept").Run(t)
		expect(t, r, "2", "has a line break, want a path without")
	}
}

// TestNothingChecked fails when cosictl ends well without a report.
func TestNothingChecked(t *testing.T) {
	t.Parallel()
	r := step(t, "start", memory(t), "args", "-list").Run(t)
	expect(t, r, "1", "nothing was checked: cosictl wrote no report")
}
