package cositest_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/rules"
)

// Each case says what the driver does wrong, what that breaks, and how it is fixed. Each such text of a rule has a case.
func TestTextsOfEachCase(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{}
	for _, c := range cositest.Cases() {
		cases[c.Name] = true
		if c.Fault == "" || c.Effect == "" || c.Remedy == "" {
			t.Errorf("%s: fault %q, effect %q, remedy %q, want all of them", c.Name, c.Fault, c.Effect, c.Remedy)
		}
		rule, _ := rules.Of(c.ID)
		if whole := c.Name == c.ID; (c.Fault == rule.Fault) != whole {
			t.Errorf("%s: fault %q, want that of its own rule or part", c.Name, c.Fault)
		}
	}
	for _, r := range rules.All() {
		if cases[r.ID] != (r.Fault != "") {
			t.Errorf("%s: there is a case: %t, a fault: %q, want both or none", r.ID, cases[r.ID], r.Fault)
		}
		for _, p := range r.Parts {
			if !cases[p.Name] {
				t.Errorf("there is no case %q, want one for each part", p.Name)
			}
		}
	}
}

// A case that only gives advice says so where its rule sounds as if it bound the driver.
func TestTextsOfAdvice(t *testing.T) {
	t.Parallel()
	for _, c := range cositest.Cases() {
		binding := rules.Level(c.Level).Binding()
		if slices.Contains(advice(), c.Name) && binding && !strings.Contains(c.Effect, "advice") {
			t.Errorf("%s: effect %q, want it to say that this is advice", c.Name, c.Effect)
		}
		if c.Level == string(rules.May) && !strings.Contains(c.Effect, "is a MAY") {
			t.Errorf("%s: effect %q, want it to say why the case does not fail", c.Name, c.Effect)
		}
	}
}

// docs/conformance.md has a heading, and so an anchor, for each rule that has a case, and mentions no others.
func TestDocumentationOfEachCase(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, c := range cositest.Cases() {
		if strings.Count(text, "\n### "+c.ID+"\n") != 1 {
			t.Errorf("%s has no section of its own, want one", c.ID)
		}
		if c.Name != c.ID && !strings.Contains(text, "\n- `"+c.Name+"`: ") {
			t.Errorf("the section of %s lacks the case %q", c.ID, c.Name)
		}
	}
	for _, r := range rules.All() {
		if !regexp.MustCompile(r.ID + `\b`).MatchString(text) {
			t.Errorf("%s is not mentioned", r.ID)
		}
	}
	known := regexp.MustCompile(`\b(GEN|INFO|CREATE|DELETE|GRANT|REVOKE|ISOLATION|LOAD|OUTAGE|NEXT)-\d+\b`)
	for _, id := range slices.Compact(slices.Sorted(slices.Values(known.FindAllString(text, -1)))) {
		if _, ok := rules.Of(id); !ok {
			t.Errorf("%s is mentioned, and is no rule", id)
		}
	}
}

// The tables of inputs and outcomes are whole.
func TestDocumentationOfConfigAndOutcomes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range cositest.Outcomes() {
		if row := "| " + string(o) + " | " + o.Meaning() + " |"; o.Meaning() == "" || !strings.Contains(string(raw), row) {
			t.Errorf("%s is missing", row)
		}
	}
	for _, row := range []string{
		"`IncompatibleBucketParameters`", "`IncompatibleAccessParameters`", "`BadBucketName`", "`UnprovisionableParameters`",
		"`AuthenticationTypes`", "`SocketFolder`", "`Log`", "`Access`", "`MakeForeignBucket`", "`CountAccounts`", "`Outage`", "`Restart`", "`Destructive`",
	} {
		if !strings.Contains(string(raw), row) {
			t.Errorf("%s is missing", row)
		}
	}
}
