package cositest

import (
	"context"

	"github.com/doomshrine/gocosi/internal/rules"
)

// Case describes one check of the kit. Its name is the ID of the rule, with a word after it if the rule has several
// cases.
type Case struct {
	Name  string `json:"name"`
	ID    string `json:"id"`    // of the rule
	Level string `json:"level"` // MUST, MUST NOT, SHOULD, MAY, REAL or policy: see docs/requirements.md
	RPC   string `json:"rpc"`   // "": every call
	Text  string `json:"text"`  // what the rule demands

	// Fault, Effect and Remedy are prose with `code` in backticks, never empty, and each makes sense by itself.
	Fault  string `json:"fault"`  // what a driver does wrong that this case finds, in one sentence
	Effect string `json:"effect"` // what then breaks for the user of a bucket, or for the operator of the cluster
	Remedy string `json:"remedy"` // how the author of the driver fixes it

	advice bool // the kit warns about a driver that breaks it, and does not fail it
	run    func(context.Context, *trial) error
}

// Cases returns every case, in the order in which they run. It is safe for concurrent use.
func Cases() []Case {
	var all []Case
	for _, part := range [][]Case{
		infoCases(), createCases(), deleteCases(), grantCases(), revokeCases(), dataCases(), isolationCases(), crowdCases(),
		generalCases(), outageCases(), nextCases(),
	} {
		all = append(all, part...)
	}
	return all
}

// newCase makes the case of a rule. A rule that binds nobody gives advice only.
func newCase(name string, run func(context.Context, *trial) error) Case {
	id := ruleID(name)
	rule, ok := rules.Of(id)
	if !ok {
		panic("cositest: no rule " + id) // a mistake of this package's, which any test finds
	}
	part, ok := rule.Part(name)
	if !ok {
		panic("cositest: no part of a rule for the case " + name) // the same
	}
	return Case{
		Name: name, ID: id, Level: string(part.Level), RPC: part.RPC, Text: part.Text,
		Fault: part.Fault, Effect: part.Effect, Remedy: part.Remedy,
		advice: !part.Level.Binding(), run: run,
	}
}

// advised makes the case of a part of a rule that a driver should, but need not keep.
func advised(name string, run func(context.Context, *trial) error) Case {
	c := newCase(name, run)
	c.advice = true
	return c
}

// must says whether a driver of which this case was not looked at cannot be told to conform.
func (k Case) must() bool {
	return !k.advice && (k.Level == string(rules.Must) || k.Level == string(rules.MustNot))
}

// ruleID returns the part of a case's name before the space.
func ruleID(name string) string {
	for i, r := range name {
		if r == ' ' {
			return name[:i]
		}
	}
	return name
}
