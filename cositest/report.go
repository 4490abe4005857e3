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

// Result is how one case ended, and why. In JSON it is one object, with the fields of the case.
type Result struct {
	Case

	Outcome  Outcome       `json:"outcome"`
	Reason   string        `json:"reason,omitempty"`    // "" when the case passed
	LeftOver string        `json:"left_over,omitempty"` // what could not be removed after the case, and why
	Duration time.Duration `json:"duration_ns"`
}

// Report is how all cases ended, in order. The zero value is one of no cases. Its methods are safe for concurrent use.
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

// OK says that no case failed and every case that was not skipped was reached; an empty report is not OK. It does not say
// that the driver conforms: see Verdict.
func (r *Report) OK() bool {
	return len(r.Results) > 0 && r.Count(Failed) == 0 && r.Count(NotReached) == 0
}

// Verdict says in a sentence what the report comes to. A driver conforms when every case of the kit passed, or gave no
// more than advice: what was left out, skipped or not reached was not checked, and does not count for it.
func (r *Report) Verdict() string {
	checked, all := r.Count(Passed)+r.Count(Warned)+r.Count(Failed), len(Cases())
	share := fmt.Sprintf("%d of %d cases checked", checked, all)
	switch {
	case r.Count(Failed) > 0:
		return fmt.Sprintf("does not conform: %d failed, %s", r.Count(Failed), share)
	case r.Count(NotReached) > 0:
		return fmt.Sprintf("cannot be told: %d not reached, %s", r.Count(NotReached), share)
	case checked == 0:
		return "cannot be told: " + share
	case checked < all:
		return "no fault found in what was checked: " + share
	}
	return "conforms: " + share
}
