package cositest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Outcome is how a case ended.
type Outcome string

// The outcomes.
const (
	Passed        Outcome = "passed"
	Warned        Outcome = "warned"         // the driver does not do what it should
	Failed        Outcome = "failed"         // the driver does not do what it must
	NotApplicable Outcome = "not applicable" // the case is about something that this driver does not do
	NotConfigured Outcome = "not configured" // the case needs something that the configuration does not give
	Skipped       Outcome = "skipped"        // Config.Skip leaves the case out
	NotReached    Outcome = "not reached"    // something that the case needs does not work
)

// Outcomes returns every outcome, in the order of a report. Safe for concurrent use.
func Outcomes() []Outcome {
	return []Outcome{Passed, Warned, Failed, NotApplicable, NotConfigured, Skipped, NotReached}
}

// Result is how one case ended, and why. In JSON it is one object, with the fields of the case. Its texts are printable,
// at most 1 KiB each, and hold no secret that the driver granted.
type Result struct {
	Case

	Outcome  Outcome       `json:"outcome"`
	Reason   string        `json:"reason,omitempty"`    // "" when there is nothing to say about a case that passed
	LeftOver string        `json:"left_over,omitempty"` // what could not be removed after the case, and why
	Duration time.Duration `json:"duration_ns"`
}

// Report is how all cases ended, in order. The zero value is one of no cases. Its methods are safe for concurrent use.
type Report struct {
	Results []Result `json:"results"`
	// Generation is the version of COSI that the driver speaks instead of v1alpha1; "" for a driver of v1alpha1. Nothing
	// is checked of another generation's driver.
	Generation string `json:"generation,omitempty"`
	// Unimplemented are the RPCs that answered UNIMPLEMENTED and nothing else.
	Unimplemented []string `json:"unimplemented,omitempty"`
	// Hint says what the author of the run could change, such as to give parameters; "" for nothing.
	Hint string `json:"hint,omitempty"`
}

// Count is the number of cases that ended so.
func (r *Report) Count(o Outcome) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == o {
			n++
		}
	}
	return n
}

// OK says that no case failed and every case that was looked at was reached; an empty report is not OK. It does not say
// that the driver conforms: see Verdict.
func (r *Report) OK() bool {
	return len(r.Results) > 0 && r.Count(Failed) == 0 && r.Count(NotReached) == 0
}

// Conforms says that no case failed, and that nothing that the specification demands of this driver is left unchecked.
func (r *Report) Conforms() bool { return r.OK() && len(r.Unchecked()) == 0 }

// Unchecked says of each demand of the specification (a MUST or MUST NOT) that was not looked at why that is so: the name
// of the case, and the reason in brackets. What does not apply to the driver needs no look. An RPC that is not implemented
// is one entry.
func (r *Report) Unchecked() []string {
	var missing []string
	for _, rpc := range r.Unimplemented {
		missing = append(missing, rpc+" (not implemented)")
	}
	for _, k := range Cases() {
		if !k.must() {
			continue
		}
		i := slices.IndexFunc(r.Results, func(result Result) bool { return result.Name == k.Name })
		switch {
		case i < 0:
			missing = append(missing, k.Name+" (left out)")
		case r.Results[i].Outcome == NotConfigured:
			missing = append(missing, fmt.Sprintf("%s (%s)", k.Name, r.Results[i].Reason))
		case r.Results[i].Outcome == Skipped:
			missing = append(missing, fmt.Sprintf("%s (skipped: %s)", k.Name, r.Results[i].Reason))
		}
	}
	return missing
}

// Verdict says in a sentence what the report comes to. A driver conforms when no case failed and nothing that the
// specification demands was left unchecked; otherwise the sentence names what was, and what that needs.
func (r *Report) Verdict() string {
	checked, all := r.Count(Passed)+r.Count(Warned)+r.Count(Failed), len(Cases())
	share := fmt.Sprintf("%d of %d cases checked", checked, all)
	hint := ""
	if r.Hint != "" {
		hint = "; " + r.Hint
	}
	switch {
	case r.Generation != "":
		return fmt.Sprintf("the driver speaks COSI %s, and this kit checks v1alpha1: nothing was checked", r.Generation)
	case r.Count(Failed) > 0:
		return fmt.Sprintf("does not conform: %d failed, %s%s", r.Count(Failed), share, hint)
	case r.Count(NotReached) > 0:
		return fmt.Sprintf("cannot be told: %d not reached, %s%s", r.Count(NotReached), share, hint)
	case checked == 0:
		return "cannot be told: " + share
	}
	if n := r.Count(NotApplicable); n > 0 {
		share += fmt.Sprintf(", %d do not apply", n)
	}
	if missing := r.Unchecked(); len(missing) > 0 {
		return fmt.Sprintf("no fault found in what was checked: %s; not checked: %s", share, listed(missing))
	}
	return "conforms: " + share
}

// listed is a list that a sentence can hold.
func listed(items []string) string {
	const most = 12
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(items[:most], ", "), len(items)-most)
}
