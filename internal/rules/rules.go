// Package rules lists what COSI v1alpha1 asks of a driver: every rule as data, and a check of each that the runtime can
// see. The runtime, the conformance kit and the documentation share them.
package rules

import (
	"cmp"
	"slices"
)

// Level says how binding a rule is. MUST, SHOULD and MAY are the specification's words. REAL marks what the released
// sidecar or controller requires although no text says so.
type Level string

// The levels.
const (
	Must    Level = "MUST"
	MustNot Level = "MUST NOT"
	Should  Level = "SHOULD"
	May     Level = "MAY"
	Real    Level = "REAL"
	Policy  Level = "policy"
)

// Binding reports whether a driver that breaks a rule of this level is at fault.
func (l Level) Binding() bool { return l == Must || l == MustNot || l == Real }

// Where a rule comes from.
const (
	Proto   = "cosi.proto"
	Spec    = "spec.md"
	Sidecar = "sidecar " + SidecarVersion
	Later   = "sidecar of v1alpha2"
	House   = "this library"
)

// Rule states one requirement on a driver, what breaking it does, and how to fix that. Its texts are prose: only `code` in
// backticks is marked. Fault, Effect and Remedy make sense without the rest, and are empty together for a rule that no
// case of the conformance kit reports.
type Rule struct {
	ID      string
	Level   Level
	RPC     string // "": every call
	Text    string // what the driver does
	Runtime string // what the library does about it on every call or at start; "": nothing, only a test can tell
	Source  string
	Fault   string // what a driver does that breaks it, in one sentence
	Effect  string // what then breaks for the user of a bucket, or for the operator of the cluster
	Remedy  string // how the author of the driver fixes it
	Parts   []Part // what further cases of the kit look at
}

// Part describes a case of the conformance kit that looks at one part of a rule.
type Part struct {
	Name   string // of the case: the rule's ID, a space and a word
	Level  Level  // "": the rule's
	RPC    string // "": the rule's
	Text   string // "": the rule's
	Fault  string
	Effect string // "": the rule's
	Remedy string // "": the rule's
}

// Part returns what the case with the name looks at, and whether the rule has it. The case named as the rule looks at the
// rule itself. What a part leaves out is the rule's.
func (r Rule) Part(name string) (part Part, ok bool) {
	whole := Part{Name: r.ID, Level: r.Level, RPC: r.RPC, Text: r.Text, Fault: r.Fault, Effect: r.Effect, Remedy: r.Remedy}
	if name == r.ID {
		return whole, r.Fault != ""
	}
	for _, p := range r.Parts {
		if p.Name == name {
			p.Level, p.RPC, p.Text = cmp.Or(p.Level, whole.Level), cmp.Or(p.RPC, whole.RPC), cmp.Or(p.Text, whole.Text)
			p.Effect, p.Remedy = cmp.Or(p.Effect, whole.Effect), cmp.Or(p.Remedy, whole.Remedy)
			return p, true
		}
	}
	return Part{}, false
}

// The RPCs.
const (
	GetInfo = "DriverGetInfo"
	Create  = "DriverCreateBucket"
	Delete  = "DriverDeleteBucket"
	Grant   = "DriverGrantBucketAccess"
	Revoke  = "DriverRevokeBucketAccess"
)

// families returns the rules in the order of the documentation. They are constant data: nothing builds them when a program
// starts or makes a call, and the linker leaves them out of a driver, which only checks messages.
func families() [10][]Rule {
	return [...][]Rule{general, info, create, deletion, grant, revoke, isolation, load, outages, next}
}

// Of returns the rule with the ID, and whether there is one. It allocates nothing. The caller must not change the parts. Safe
// for concurrent use.
func Of(id string) (rule Rule, ok bool) {
	for _, family := range families() {
		for i := range family {
			if family[i].ID == id {
				return family[i], true
			}
		}
	}
	return Rule{}, false
}

// All returns every rule, in the order of the documentation. The slice is the caller's, but not the parts in it. Safe for
// concurrent use.
func All() []Rule {
	all := families()
	return slices.Concat(all[:]...)
}
