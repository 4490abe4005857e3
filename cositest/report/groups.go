package report

import (
	"fmt"
	"slices"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/rules"
)

// everyCall stands for the RPC of a rule that is about no particular one.
const everyCall = "every call"

// rpcOf returns the RPC that a case is about.
func rpcOf(k cositest.Case) string {
	if k.RPC == "" {
		return everyCall
	}
	return k.RPC
}

// ruleOf returns what the rule demands, or forbids.
func ruleOf(k cositest.Case) string {
	if k.Level == string(rules.MustNot) {
		return k.Level + ": " + k.Text
	}
	return k.Text
}

// rpcs and levels return the rows and columns of the matrix.
func rpcs() []string {
	return []string{everyCall, rules.GetInfo, rules.Create, rules.Delete, rules.Grant, rules.Revoke}
}

func levels() []string {
	var names []string
	for _, level := range []rules.Level{rules.Must, rules.MustNot, rules.Real, rules.Should, rules.May, rules.Policy} {
		names = append(names, string(level))
	}
	return names
}

// group holds a part of a report: cases that ask the same of the reader.
type group struct {
	Name, Means string
	Results     []cositest.Result
	Open        bool // their stories are what the reader came for
}

// Note returns what the group is, and where to begin.
func (g group) Note() string {
	if g.Open && g.Name == toFix && len(g.Results) > 1 {
		return g.Means + ". One mistake may show in several cases: begin with the first."
	}
	return g.Means + "."
}

// Folded reports whether a page shows only the group's name until the reader opens it.
func (g group) Folded() bool { return g.Name == passed || g.Name == elsewhere }

// The names of groups that are treated apart: what has to change, and what nobody has to do anything about.
const (
	toFix     = "To fix"
	passed    = "Passed"
	elsewhere = "Not applicable"
)

// groups returns the parts of a report, the most urgent first; none is empty.
func groups(r *cositest.Report) []group {
	all := []group{
		of(r, toFix, true, cositest.Failed), of(r, "Advice", true, cositest.Warned),
		of(r, "Not reached", false, cositest.NotReached), of(r, "Not configured", false, cositest.NotConfigured), of(r, "Skipped", false, cositest.Skipped),
		of(r, passed, false, cositest.Passed), of(r, elsewhere, false, cositest.NotApplicable),
	}
	return slices.DeleteFunc(all, func(g group) bool { return len(g.Results) == 0 })
}

func of(r *cositest.Report, name string, open bool, o cositest.Outcome) group {
	g := group{Name: name, Means: fmt.Sprintf("%s: %s", o, o.Meaning()), Open: open}
	for _, one := range r.Results {
		if one.Outcome == o {
			g.Results = append(g.Results, one)
		}
	}
	return g
}

// leftMeans says what to do about what is left over.
const leftMeans = "left over: the kit made these, or may have, and could not remove them. They may still be in the store, and you have to remove them."

// left holds what was left over, or left unchecked, for one reason.
type left struct {
	Why  string
	What []string
}

// leftOver returns what was left over, by reason.
func leftOver(r *cositest.Report) []left {
	var all []left
	for _, one := range r.Results {
		for _, l := range one.LeftOver {
			all = grouped(all, l.Why, fmt.Sprintf("%s (%s)", l.What, one.Name))
		}
	}
	return all
}

// grouped adds something to what there is for the same reason.
func grouped(all []left, why, what string) []left {
	i := slices.IndexFunc(all, func(known left) bool { return known.Why == why })
	if i < 0 {
		return append(all, left{why, []string{what}})
	}
	all[i].What = append(all[i].What, what)
	return all
}

// who names the driver.
func who(r *cositest.Report) string {
	if r.Driver == "" {
		return "the driver"
	}
	return r.Driver
}

// about says what was run, as names and values.
func about(r *cositest.Report) [][2]string {
	rows := [][2]string{{"driver", r.Driver}, {"endpoint", r.Endpoint}, {"kit", r.Kit}, {"rules", r.Rules}}
	if !r.Begin.IsZero() {
		rows = append(rows, [2]string{"date", r.Begin.Format("2006-01-02 15:04:05 -0700")}, [2]string{"duration", r.Duration.Round(shown).String()})
	}
	return slices.DeleteFunc(rows, func(row [2]string) bool { return row[1] == "" })
}

// label returns the name of a setting, as the person who runs the kit knows it.
func label(s cositest.Setting) string {
	if s.Flag == "" || s.Flag == s.Name {
		return s.Name
	}
	return fmt.Sprintf("%s (%s)", s.Name, s.Flag)
}
