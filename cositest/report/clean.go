package report

import (
	"slices"
	"strings"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/bound"
)

// clean returns a copy in which every text that somebody else may have chosen is printable: control characters, also those
// that turn the direction of a text or take no room, are escaped. The kit does that as well; a report may be made by hand.
func clean(r *cositest.Report) *cositest.Report {
	c := *r
	for _, text := range []*string{&c.Kit, &c.Rules, &c.Driver, &c.Endpoint, &c.Problem, &c.Generation, &c.Hint} {
		*text = line(*text)
	}
	c.Unimplemented, c.Settings, c.Results = slices.Clone(c.Unimplemented), slices.Clone(c.Settings), slices.Clone(c.Results)
	for i := range c.Unimplemented {
		c.Unimplemented[i] = line(c.Unimplemented[i])
	}
	for i := range c.Settings {
		c.Settings[i].Value = line(c.Settings[i].Value)
	}
	for i := range c.Results {
		c.Results[i] = cleanResult(c.Results[i])
	}
	return &c
}

func cleanResult(r cositest.Result) cositest.Result {
	r.Reason = line(r.Reason)
	r.LeftOver, r.Steps = slices.Clone(r.LeftOver), slices.Clone(r.Steps)
	for i := range r.LeftOver {
		left := &r.LeftOver[i]
		left.What, left.Why = line(left.What), line(left.Why)
	}
	for i := range r.Steps {
		step := &r.Steps[i]
		step.Call, step.Sent, step.Got = line(step.Call), line(step.Sent), line(step.Got)
	}
	return r
}

// line is a text that stays on a line, and acts on nothing. Breaks have the names by which people know them.
func line(text string) string {
	for _, known := range [][2]string{{"\r", `\r`}, {"\n", `\n`}, {"\t", " "}} {
		text = strings.ReplaceAll(text, known[0], known[1])
	}
	return bound.Printable(text, 2*bound.Text)
}
