package rules

import "testing"

// The fingerprint changes with what a rule asks for, and with nothing else.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	rule := Rule{ID: "GEN-1", Level: Must, RPC: Create, Text: "Answers."}
	other := Rule{ID: "GEN-2", Level: May, Text: "Refuses."}
	const want = "48ac381b4972"
	if got := fingerprint([]Rule{rule, other}); got != want {
		t.Errorf("%s, want %s: earlier reports have that one", got, want)
	}
	same := rule
	same.Runtime, same.Source, same.Fault, same.Effect, same.Remedy, same.Parts = "a", "b", "c", "d", "e", []Part{{Name: "GEN-1 f"}}
	for name, rules := range map[string][]Rule{"other texts": {same, other}, "another order": {other, rule}} {
		if got := fingerprint(rules); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, change := range map[string]func(*Rule){
		"another ID":        func(r *Rule) { r.ID = "GEN-3" },
		"another level":     func(r *Rule) { r.Level = MustNot },
		"another RPC":       func(r *Rule) { r.RPC = "" },
		"another text":      func(r *Rule) { r.Text = "Answers!" },
		"a quote moved":     func(r *Rule) { r.RPC, r.Text = Create+`" "Answers.`, "" },
		"a character moved": func(r *Rule) { r.RPC, r.Text = Create+"A", "nswers." },
	} {
		changed := rule
		change(&changed)
		if got := fingerprint([]Rule{changed, other}); got == want {
			t.Errorf("%s: the fingerprint stays %s, want another", name, got)
		}
	}
	if got := fingerprint([]Rule{rule}); got == want {
		t.Errorf("a rule less: the fingerprint stays %s, want another", got)
	}
}
