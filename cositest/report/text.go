package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/doomshrine/gocosi/cositest"
)

// width is where lines of prose are broken; what a driver said is not.
const width = 100

// Text writes the verdict, and then the summary.
func Text(w io.Writer, r *cositest.Report) error {
	if _, err := io.WriteString(w, Verdict(r)+"\n"); err != nil {
		return err
	}
	return Summary(w, r)
}

// Line returns how a case ended, on one line: its outcome, name and level, and the reason.
func Line(one cositest.Result) string {
	one = cleanResult(one)
	text := fmt.Sprintf("%-14s  %-17s  %-8s  %s", one.Outcome, one.Name, one.Level, one.Reason)
	if n := len(one.LeftOver); n > 0 {
		text += fmt.Sprintf(" [left over: %d]", n)
	}
	return strings.TrimRight(text, " ")
}

// Summary writes the result of all cases: what to change, what was not checked and what that needs, what is left over in
// the store, the counts, what was run, and the verdict, which is the last line.
func Summary(w io.Writer, r *cositest.Report) error {
	r = clean(r)
	text := &strings.Builder{}
	for _, g := range groups(r) {
		switch {
		case g.Open:
			stories(text, g)
		case g.Name != passed:
			reasons(text, g)
		}
	}
	unchecked(text, r)
	remains(text, r)
	keeps(text, r)
	counts(text, r)
	heading(text, "What was run")
	for _, row := range about(r) {
		fmt.Fprintf(text, "  %-12s %s\n", row[0], row[1])
	}
	for _, s := range r.Settings {
		fmt.Fprintf(text, "  %s: %s\n", label(s), s.Value)
	}
	fmt.Fprintf(text, "\n%s\n", Verdict(r))
	_, err := io.WriteString(w, text.String())
	return err
}

// Verdict sums up the report in a sentence that names the driver and where it was called.
func Verdict(r *cositest.Report) string {
	r = clean(r)
	if r.Endpoint == "" {
		return fmt.Sprintf("%s: %s", who(r), line(r.Verdict()))
	}
	return fmt.Sprintf("%s at %s: %s", who(r), r.Endpoint, line(r.Verdict()))
}

func heading(text *strings.Builder, words string) {
	fmt.Fprintf(text, "\n%s\n%s\n", words, strings.Repeat("-", len(words)))
}

// stories tells of each case of a group what it means and how it is fixed.
func stories(text *strings.Builder, g group) {
	heading(text, fmt.Sprintf("%s: %d", g.Name, len(g.Results)))
	wrap(text, "", g.Note())
	for _, one := range g.Results {
		fmt.Fprintf(text, "\n%s  %s  %s\n", one.Name, one.Level, rpcOf(one.Case))
		part(text, "rule", ruleOf(one.Case))
		story(text, one)
	}
}

// reasons says why the cases of a group ended so, each reason once.
func reasons(text *strings.Builder, g group) {
	heading(text, fmt.Sprintf("%s: %d", g.Name, len(g.Results)))
	wrap(text, "", g.Note())
	var all []left
	for _, one := range g.Results {
		all = grouped(all, one.Reason, one.Name)
	}
	for _, l := range all {
		fmt.Fprintf(text, "  %s\n", l.Why)
		wrap(text, "    ", strings.Join(l.What, ", "))
	}
}

// keeps names what the driver does right.
func keeps(text *strings.Builder, r *cositest.Report) {
	var names []string
	for _, one := range r.Results {
		if one.Outcome == cositest.Passed {
			names = append(names, one.Name)
		}
	}
	if len(names) > 0 {
		heading(text, fmt.Sprintf("%s: %d", passed, len(names)))
		wrap(text, "  ", strings.Join(names, ", "))
	}
}

// part writes a part of a story, if there is one.
func part(text *strings.Builder, name, prose string) {
	if prose != "" {
		wrap(text, fmt.Sprintf("  %-6s ", name), prose)
	}
}

// story tells what a case found, what that means, and what to do about it.
func story(text *strings.Builder, one cositest.Result) {
	part(text, "found", one.Reason)
	part(text, "means", one.Effect)
	part(text, "fix", one.Remedy)
	if one.Outcome != cositest.Failed {
		return
	}
	first := "  calls  "
	for _, s := range one.Steps {
		if s.Tidying {
			continue
		}
		if did := asked(s); did != "" {
			fmt.Fprintf(text, "%s%s\n%s  -> %s\n", first, did, indent, came(s))
		} else {
			fmt.Fprintf(text, "%s%s\n", first, came(s))
		}
		first = indent
	}
}

// indent is as wide as the names of a story's parts.
const indent = "         "

// wrap writes prose with a name before it. A word that is longer than a line stays whole.
func wrap(text *strings.Builder, name, prose string) {
	column := len(name)
	blank := strings.Repeat(" ", column)
	text.WriteString(name)
	for i, word := range strings.Fields(prose) {
		switch {
		case i > 0 && column+1+len(word) > width:
			text.WriteString("\n" + blank)
			column = len(blank)
		case i > 0:
			text.WriteString(" ")
			column++
		}
		text.WriteString(word)
		column += len(word)
	}
	text.WriteString("\n")
}

// unchecked says what the specification demands that was not looked at. The reasons stand in the groups above.
func unchecked(text *strings.Builder, r *cositest.Report) {
	missing := lines(r.Unchecked())
	if len(missing) == 0 {
		return
	}
	heading(text, fmt.Sprintf("Demands of the specification that were not checked: %d", len(missing)))
	if n := r.LeftOut(); n > 0 {
		fmt.Fprintf(text, "  of %d cases, %d were not chosen\n", len(cositest.Cases()), n)
	}
	var all []left
	for _, one := range missing {
		name, why, _ := strings.Cut(strings.TrimSuffix(one, ")"), " (")
		all = grouped(all, why, name)
	}
	for _, l := range all {
		fmt.Fprintf(text, "  %s\n", l.Why)
		wrap(text, "    ", strings.Join(l.What, ", "))
	}
}

// remains says what is left over in the store.
func remains(text *strings.Builder, r *cositest.Report) {
	all := leftOver(r)
	if len(all) == 0 {
		return
	}
	heading(text, "Left over in the store")
	wrap(text, "", leftMeans)
	for _, l := range all {
		fmt.Fprintf(text, "  %s\n", l.Why)
		for _, what := range l.What { // all of them: somebody has to remove each
			fmt.Fprintf(text, "    %s\n", what)
		}
	}
}

// levelsMean explains the levels of rules.
const levelsMean = "MUST, MUST NOT, SHOULD and MAY are the specification's words. REAL: no text asks for it, but what runs in clusters relies " +
	"on it. policy: the kit's advice."

// counts writes how many cases of each RPC and of each level ended how.
func counts(text *strings.Builder, r *cositest.Report) {
	var outcomes []cositest.Outcome
	for _, o := range cositest.Outcomes() {
		if r.Count(o) > 0 {
			outcomes = append(outcomes, o)
		}
	}
	if len(outcomes) == 0 {
		return
	}
	fmt.Fprintf(text, "\n%-24s", "")
	for _, o := range outcomes {
		fmt.Fprintf(text, "  %14s", o)
	}
	text.WriteString("\n")
	rows(text, r, outcomes, rpcs(), func(one cositest.Result) string { return rpcOf(one.Case) })
	text.WriteString("\n")
	rows(text, r, outcomes, levels(), func(one cositest.Result) string { return one.Level })
	text.WriteString("\n")
	rows(text, r, outcomes, []string{"all"}, func(cositest.Result) string { return "all" })
	wrap(text, "", levelsMean)
}

// rows writes a row of counts for each name that has results.
func rows(text *strings.Builder, r *cositest.Report, outcomes []cositest.Outcome, names []string, nameOf func(cositest.Result) string) {
	for _, name := range names {
		counts, found := map[cositest.Outcome]int{}, false
		for _, one := range r.Results {
			if nameOf(one) == name {
				counts[one.Outcome]++
				found = true
			}
		}
		if !found {
			continue
		}
		fmt.Fprintf(text, "%-24s", name)
		for _, o := range outcomes {
			fmt.Fprintf(text, "  %14d", counts[o])
		}
		text.WriteString("\n")
	}
}
