// Package rules lists what COSI v1alpha1 asks of a driver: every rule as data, and a check of each that the runtime can
// see. The runtime, the conformance kit and the documentation share them.
package rules

import "slices"

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
	Sidecar = "sidecar v0.2.2"
	Later   = "sidecar of v1alpha2"
	House   = "this library"
)

// Rule states one requirement on a driver.
type Rule struct {
	ID      string
	Level   Level
	RPC     string // "": every call
	Text    string // what the driver does
	Runtime string // what the library does about it on every call or at start; "": nothing, only a test can tell
	Source  string
}

// Of returns the rule with the ID, and whether there is one.
func Of(id string) (rule Rule, ok bool) {
	for _, r := range All() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

// The RPCs.
const (
	GetInfo = "DriverGetInfo"
	Create  = "DriverCreateBucket"
	Delete  = "DriverDeleteBucket"
	Grant   = "DriverGrantBucketAccess"
	Revoke  = "DriverRevokeBucketAccess"
)

// All returns every rule, in the order of the documentation. Safe for concurrent use.
func All() []Rule {
	return slices.Concat(general(), info(), create(), deletion(), grant(), revoke(), isolation(), load(), outages(), next())
}
