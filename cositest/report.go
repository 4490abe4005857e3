package cositest

import (
	"fmt"
	"time"
)

// Outcome is how a case ended.
type Outcome string

// The outcomes.
const (
	Passed     Outcome = "passed"
	Warned     Outcome = "warned"      // the driver does not do what it should
	Failed     Outcome = "failed"      // the driver does not do what it must
	Skipped    Outcome = "skipped"     // the case cannot apply, or was left out
	NotReached Outcome = "not reached" // something that the case needs does not work
)

// Result is how one case ended, and why.
type Result struct {
	Case

	Outcome  Outcome       `json:"outcome"`
	Reason   string        `json:"reason,omitempty"`    // "" when the case passed
	LeftOver string        `json:"left_over,omitempty"` // what could not be removed after the case, and why
	Duration time.Duration `json:"duration_ns"`
}

// Report is how all cases ended, in order.
type Report struct {
	Results []Result `json:"results"`
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

// OK says that no case failed and every case that was not skipped was reached. It does not say that the driver
// conforms: see Verdict.
func (r *Report) OK() bool {
	return len(r.Results) > 0 && r.Count(Failed) == 0 && r.Count(NotReached) == 0
}

// Verdict says in a sentence what the report comes to. A driver conforms when every case passed: what was skipped or
// not reached was not checked, and does not count for it.
func (r *Report) Verdict() string {
	checked := r.Count(Passed) + r.Count(Warned) + r.Count(Failed)
	share := fmt.Sprintf("%d of %d cases checked", checked, len(r.Results))
	switch {
	case r.Count(Failed) > 0:
		return fmt.Sprintf("does not conform: %d failed, %s", r.Count(Failed), share)
	case r.Count(NotReached) > 0:
		return fmt.Sprintf("cannot be told: %d cases were not reached, %s", r.Count(NotReached), share)
	case r.Count(Skipped) > 0:
		return "no fault found in what was checked: " + share
	case checked == 0:
		return "cannot be told: no case was run"
	}
	return "conforms: " + share
}
