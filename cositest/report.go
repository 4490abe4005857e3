package cositest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doomshrine/gocosi/internal/bound"
)

// Outcome says how a case ended.
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

// Outcomes returns every outcome, in the order of a report. It is safe for concurrent use.
func Outcomes() []Outcome {
	return []Outcome{Passed, Warned, Failed, NotApplicable, NotConfigured, Skipped, NotReached}
}

// Meaning returns what an outcome means, in a sentence; "" for a text that is no outcome.
func (o Outcome) Meaning() string {
	return map[Outcome]string{
		Passed:        "the driver does what the rule asks",
		Warned:        "the driver does not do what it should; this is advice and fails nothing",
		Failed:        "the driver does not do what it must, or what the released sidecar needs",
		NotApplicable: "the case is about something that this driver does not do, such as Azure's credentials",
		NotConfigured: "the case needs something that the run did not get; the reason says what",
		Skipped:       "the person who ran the kit left the case out, for the reason given",
		NotReached: "the run was ended, or something that the case needs does not work: a call, which another case reports, or a " +
			"hook; fix that and run again",
	}[o]
}

// Result says how one case ended, and why. In JSON it is one object, with the fields of the case. Its texts are printable,
// at most 1 KiB each, and hold no secret that the driver granted.
type Result struct {
	Case

	Outcome  Outcome       `json:"outcome"`
	Reason   string        `json:"reason,omitempty"`    // "" when there is nothing to say about a case that passed
	LeftOver []LeftOver    `json:"left_over,omitempty"` // what could not be removed after the case
	Steps    []Step        `json:"steps,omitempty"`     // what the case did, in order
	Duration time.Duration `json:"duration_ns"`
}

// LeftOver names something that a case created, or may have created, and the kit could not remove: it may still be in the
// store.
type LeftOver struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// String returns what is left over, and why.
func (l LeftOver) String() string { return l.What + ": " + l.Why }

// Report says how all cases ended, in order, and what was run. The zero value has no cases. Its methods are safe for
// concurrent use.
type Report struct {
	// Kit is the version of this module, and Rules the revision of the rules: reports of one revision are about the same
	// rules.
	Kit   string `json:"kit"`
	Rules string `json:"rules"`
	// Driver is the name that the driver returned; "" when it returned none.
	Driver string `json:"driver,omitempty"`
	// Endpoint is where the driver was called, as the connection tells it; a caller that knows better may set it.
	Endpoint string        `json:"endpoint,omitempty"`
	Begin    time.Time     `json:"begin"`
	Duration time.Duration `json:"duration_ns"`
	// Settings list what the run was given, without secrets.
	Settings []Setting `json:"settings,omitempty"`
	Results  []Result  `json:"results"`
	// Problem says why nothing was checked at all, such as a missing connection; "" otherwise.
	Problem string `json:"problem,omitempty"`
	// Generation is the version of COSI that the driver speaks instead of v1alpha1; "" for a driver of v1alpha1. The
	// kit checks nothing of another generation's driver.
	Generation string `json:"generation,omitempty"`
	// Unimplemented lists the RPCs that returned UNIMPLEMENTED and nothing else.
	Unimplemented []string `json:"unimplemented,omitempty"`
	// Hint says what the person who runs the kit could change, such as give parameters; "" for nothing.
	Hint string `json:"hint,omitempty"`
	// Strict is Config.Strict: an unchecked demand fails the report.
	Strict bool `json:"strict,omitempty"`
}

// Count returns the number of cases with the outcome.
func (r *Report) Count(o Outcome) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == o {
			n++
		}
	}
	return n
}

// OK reports whether no case failed and every case that ran was reached; with Strict also, whether every demand of the
// specification was checked. An empty report is not OK. OK does not say that the driver conforms: see Verdict.
func (r *Report) OK() bool { return r.faultless() && (!r.Strict || len(r.Unchecked()) == 0) }

func (r *Report) faultless() bool {
	return len(r.Results) > 0 && r.Problem == "" && r.Count(Failed) == 0 && r.Count(NotReached) == 0
}

// LeftOut returns how many cases Config.Only left out.
func (r *Report) LeftOut() int {
	if r.Problem != "" || r.Generation != "" {
		return 0
	}
	return max(0, len(Cases())-len(r.Results))
}

// Conforms reports whether no case failed and every demand of the specification on this driver was checked.
func (r *Report) Conforms() bool { return r.faultless() && len(r.Unchecked()) == 0 }

// Unchecked lists each demand of the specification (a MUST or MUST NOT) that was not checked: the name of the case, and the
// reason in brackets. It leaves out what does not apply to the driver. An RPC that is not implemented is one entry. The list
// is empty if nothing was checked at all.
func (r *Report) Unchecked() []string {
	if r.Problem != "" || r.Generation != "" {
		return nil
	}
	var missing []string
	for _, rpc := range r.Unimplemented {
		missing = append(missing, rpc+notImplemented)
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

// Verdict sums up the report in a sentence. A driver conforms when no case failed and every demand of the specification was
// checked; otherwise the sentence names what was not. Unchecked says what that needs.
func (r *Report) Verdict() string {
	switch missing, left := r.Unchecked(), r.LeftOut(); {
	case r.Problem != "":
		return "cannot be told: " + r.Problem
	case r.Generation != "":
		return fmt.Sprintf("the driver speaks COSI %s, and this kit checks v1alpha1: nothing was checked", r.Generation)
	case r.Count(Failed) > 0:
		return fmt.Sprintf("does not conform: %d failed (%s), %s%s", r.Count(Failed), listed(r.named(Failed)), r.share(), r.hint())
	case r.Count(NotReached) > 0:
		return fmt.Sprintf("cannot be told: %s%s", r.share(), r.hint())
	case r.checked() == 0:
		return "cannot be told: " + r.share()
	case left > mostListed:
		return "no fault found in what was checked: " + r.share()
	case len(missing) > 0:
		return fmt.Sprintf("no fault found in what was checked: %s; not checked: %s", r.share(), listed(names(missing)))
	}
	return "conforms: " + r.share()
}

func (r *Report) hint() string {
	if r.Hint == "" {
		return ""
	}
	return "; " + r.Hint
}

// checked is the number of cases that were looked at to the end.
func (r *Report) checked() int { return r.Count(Passed) + r.Count(Warned) + r.Count(Failed) }

// share says how many cases were checked, and what became of the others.
func (r *Report) share() string {
	parts := []string{fmt.Sprintf("%d of %d cases checked", r.checked(), len(Cases()))}
	for _, part := range []struct {
		count     int
		one, many string
	}{
		{r.Count(Warned), "warned", "warned"},
		{r.Count(NotReached), "not reached", "not reached"},
		{r.Count(NotApplicable), "does not apply", "do not apply"},
		{r.Count(NotConfigured), "not configured", "not configured"},
		{r.Count(Skipped), "skipped", "skipped"},
		{r.LeftOut(), "left out", "left out"},
	} {
		if part.count > 0 {
			parts = append(parts, bound.Count(part.count, part.one, part.many))
		}
	}
	return strings.Join(parts, ", ")
}

// named are the cases that ended so.
func (r *Report) named(o Outcome) []string {
	var cases []string
	for _, result := range r.Results {
		if result.Outcome == o {
			cases = append(cases, result.Name)
		}
	}
	return cases
}

// notImplemented is why nothing is checked of an RPC.
const notImplemented = " (not implemented)"

// names are what Unchecked lists, without what they need.
func names(missing []string) []string {
	short := make([]string, 0, len(missing))
	for _, one := range missing {
		if !strings.HasSuffix(one, notImplemented) {
			one, _, _ = strings.Cut(one, " (")
		}
		short = append(short, one)
	}
	return short
}

// mostListed is how many entries a sentence can hold.
const mostListed = 12

// listed is a list that a sentence can hold.
func listed(items []string) string {
	if len(items) <= mostListed {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(items[:mostListed], ", "), len(items)-mostListed)
}
