package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/doomshrine/gocosi/cositest"
)

// report is what check found out.
type report struct {
	Endpoint string                   `json:"endpoint"`
	Driver   string                   `json:"driver,omitempty"` // its name, if it told it
	OK       bool                     `json:"ok"`
	Verdict  string                   `json:"verdict"`
	Counts   map[cositest.Outcome]int `json:"counts"`
	LeftOut  int                      `json:"left_out"` // cases that -run and -skip left out
	Results  []cositest.Result        `json:"results"`
	// Unchecked are the demands of the specification that were not checked; with -strict they fail the check.
	Unchecked []string `json:"unchecked,omitempty"`

	Generation string `json:"generation,omitempty"` // of COSI, if the driver speaks another one

	strict bool
}

// report is the kit's, without secrets.
func (v *invocation) report(driver string, chosen selection, from *cositest.Report) *report {
	r := &report{
		Endpoint: v.endpoint, Driver: driver, OK: from.OK(), Verdict: from.Verdict(),
		Counts: map[cositest.Outcome]int{}, LeftOut: chosen.leftOut(), Generation: from.Generation, strict: v.checks.strict,
	}
	for _, outcome := range cositest.Outcomes() {
		r.Counts[outcome] = from.Count(outcome)
	}
	for _, one := range from.Results {
		r.Results = append(r.Results, v.masked(one))
	}
	for _, demand := range unchecked(from) {
		r.Unchecked = append(r.Unchecked, v.secrets.mask(demand))
	}
	if r.OK && r.LeftOut > 0 { // a part of the cases does not tell that a driver conforms
		checked := r.Counts[cositest.Passed] + r.Counts[cositest.Warned]
		r.Verdict = fmt.Sprintf("no fault found in what was checked: %d of %d cases checked", checked, len(from.Results)+r.LeftOut)
	}
	r.OK = r.OK && !r.lacks()
	return r
}

// unchecked are the demands of the specification that were not checked of a driver of this generation.
func unchecked(from *cositest.Report) []string {
	if from.Generation != "" {
		return nil
	}
	return from.Unchecked()
}

// lacks says whether the check fails for what it has not checked.
func (r *report) lacks() bool { return r.strict && len(r.Unchecked) > 0 }

// masked is a result without secrets: its texts may quote what a driver said.
func (v *invocation) masked(one cositest.Result) cositest.Result {
	one.Reason, one.LeftOver = v.secrets.mask(one.Reason), v.secrets.mask(one.LeftOver)
	return one
}

// onResult writes a line for a case that has ended. Those that a signal left over are in the summary alone.
func (v *invocation) onResult(ctx context.Context) func(cositest.Result) {
	if v.format == formatJSON {
		return nil
	}
	return func(one cositest.Result) {
		if one.Outcome == cositest.NotReached && ctx.Err() != nil {
			return
		}
		one = v.masked(one)
		line := fmt.Sprintf("%-14s  %-17s  %-8s  %s", one.Outcome, one.Name, one.Level, oneLine(one.Reason))
		fmt.Fprintln(v.stdout, strings.TrimRight(line, " "))
		if one.LeftOver != "" {
			fmt.Fprintf(v.stdout, "%-14s  %-17s  %-8s  %s\n", "", "", "", oneLine("left over: "+one.LeftOver))
		}
	}
}

// printReport writes what all cases come to.
func (v *invocation) printReport(r *report) error {
	if v.format == formatJSON {
		return writeJSON(v.stdout, r)
	}
	if r.Generation != "" {
		_, err := fmt.Fprintf(v.stdout, "%s: %s\n", r.Endpoint, r.Verdict)
		return err
	}
	text := &strings.Builder{}
	fmt.Fprintf(text, "\n%-24s", "")
	for _, outcome := range cositest.Outcomes() {
		fmt.Fprintf(text, "  %14s", outcome)
	}
	text.WriteString("\n")
	r.rows(text, func(one cositest.Result) string { return rpc(one.Case) })
	text.WriteString("\n")
	r.rows(text, func(one cositest.Result) string { return one.Level })
	text.WriteString("\n")
	r.rows(text, func(cositest.Result) string { return "all" })
	fmt.Fprintf(text, "\n%s at %s: %s\n", oneLine(r.who()), r.Endpoint, oneLine(r.Verdict))
	_, err := io.WriteString(v.stdout, text.String())
	return err
}

// rows writes a row of counts for each group of results, in the order in which the groups appear.
func (r *report) rows(text *strings.Builder, group func(cositest.Result) string) {
	var names []string
	counts := map[string]map[cositest.Outcome]int{}
	for _, one := range r.Results {
		name := group(one)
		if !slices.Contains(names, name) {
			names = append(names, name)
			counts[name] = map[cositest.Outcome]int{}
		}
		counts[name][one.Outcome]++
	}
	for _, name := range names {
		fmt.Fprintf(text, "%-24s", name)
		for _, outcome := range cositest.Outcomes() {
			fmt.Fprintf(text, "  %14d", counts[name][outcome])
		}
		text.WriteString("\n")
	}
}

func (r *report) who() string {
	if r.Driver == "" {
		return "the driver"
	}
	return r.Driver
}

// failure is why the command fails; nil when it does not.
func (r *report) failure(ctx context.Context) error {
	switch {
	case r.OK:
		return nil
	case r.Generation != "":
		return generationError{errSaid}
	case ctx.Err() != nil:
		return errInterrupted
	case r.Counts[cositest.Failed] == 0 && r.Counts[cositest.NotReached] == 0 && r.lacks():
		return r.lacking()
	}
	return errSaid
}

// lacking is why a check fails in which no case did.
func (r *report) lacking() error {
	return fmt.Errorf("-strict: of what the specification demands, this was not checked: %s", strings.Join(r.Unchecked, ", "))
}
