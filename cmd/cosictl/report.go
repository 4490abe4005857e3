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
}

// report is the kit's, without secrets.
func (v *invocation) report(driver string, chosen selection, from *cositest.Report) *report {
	r := &report{
		Endpoint: v.endpoint, Driver: driver, OK: from.OK(), Verdict: from.Verdict(),
		Counts: map[cositest.Outcome]int{}, LeftOut: chosen.leftOut(),
	}
	for _, outcome := range outcomes() {
		r.Counts[outcome] = from.Count(outcome)
	}
	for _, one := range from.Results {
		r.Results = append(r.Results, v.masked(one))
	}
	if r.OK && r.LeftOut > 0 { // a part of the cases does not tell that a driver conforms
		checked := len(from.Results) - r.Counts[cositest.Skipped]
		r.Verdict = fmt.Sprintf("no fault found in what was checked: %d of %d cases checked", checked, len(from.Results)+r.LeftOut)
	}
	return r
}

// outcomes are the columns of the summary.
func outcomes() []cositest.Outcome {
	return []cositest.Outcome{cositest.Passed, cositest.Warned, cositest.Failed, cositest.Skipped, cositest.NotReached}
}

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
		line := fmt.Sprintf("%-11s  %-17s  %-8s  %s", one.Outcome, one.Name, one.Level, oneLine(one.Reason))
		fmt.Fprintln(v.stdout, strings.TrimRight(line, " "))
		if one.LeftOver != "" {
			fmt.Fprintf(v.stdout, "%-11s  %-17s  %-8s  %s\n", "", "", "", oneLine("left over: "+one.LeftOver))
		}
	}
}

// printReport writes what all cases come to.
func (v *invocation) printReport(r *report) error {
	if v.format == formatJSON {
		return writeJSON(v.stdout, r)
	}
	text := &strings.Builder{}
	fmt.Fprintf(text, "\n%-24s", "")
	for _, outcome := range outcomes() {
		fmt.Fprintf(text, "  %10s", outcome)
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
		for _, outcome := range outcomes() {
			fmt.Fprintf(text, "  %10d", counts[name][outcome])
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
	case ctx.Err() != nil:
		return errInterrupted
	}
	return errSaid
}
