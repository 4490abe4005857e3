package main

import (
	"fmt"
	"regexp"
	"slices"
	"text/tabwriter"

	"github.com/doomshrine/gocosi/cositest"
)

// selection chooses which cases run.
type selection struct{ run, skip *regexp.Regexp }

// selection reads -run and -skip; one that leaves nothing is refused.
func (c *checkFlags) selection() (selection, error) {
	var s selection
	for _, one := range []struct {
		flag, text string
		to         **regexp.Regexp
	}{{"run", c.run, &s.run}, {"skip", c.skip, &s.skip}} {
		if one.text == "" {
			continue
		}
		expression, err := regexp.Compile(one.text)
		if err != nil {
			return s, fmt.Errorf("-%s: %w", one.flag, err)
		}
		if !slices.ContainsFunc(cositest.Cases(), func(k cositest.Case) bool { return expression.MatchString(k.Name) }) {
			return s, fmt.Errorf("-%s %q matches no case%s; see cosictl check -list", one.flag, one.text, likeCase(one.text))
		}
		*one.to = expression
	}
	if !slices.ContainsFunc(s.cases(), func(k cositest.Case) bool { return c.reasons[k.Name] == "" && c.reasons[k.ID] == "" }) {
		return s, fmt.Errorf("-run %q, -skip %q and the skip of -config leave no case; see cosictl check -list", c.run, c.skip)
	}
	return s, nil
}

// plainName matches an expression that is a name, as far as it looks.
var plainName = regexp.MustCompile(`^\^?([A-Za-z0-9 _-]+)\$?$`)

// likeCase suggests a case for an expression that looks like the name of one.
func likeCase(expression string) string {
	if name := plainName.FindStringSubmatch(expression); name != nil {
		return didYouMean(name[1], "", caseNames())
	}
	return ""
}

// caseNames returns the names of all cases, and the IDs of their rules.
func caseNames() []string {
	var names []string
	for _, k := range cositest.Cases() {
		names = append(names, k.Name, k.ID)
	}
	return names
}

// only says whether a case is looked at.
func (s selection) only(k cositest.Case) bool {
	return (s.run == nil || s.run.MatchString(k.Name)) && (s.skip == nil || !s.skip.MatchString(k.Name))
}

// cases returns those that run.
func (s selection) cases() []cositest.Case {
	var chosen []cositest.Case
	for _, k := range cositest.Cases() {
		if s.only(k) {
			chosen = append(chosen, k)
		}
	}
	return chosen
}

// list prints the cases.
func (v *invocation) list(s selection) error {
	if v.format == formatJSON {
		return writeJSON(v.stdout, s.cases())
	}
	table := tabwriter.NewWriter(v.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tLEVEL\tRPC\tTEXT")
	for _, k := range s.cases() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.Name, k.Level, rpc(k), k.Text)
	}
	return table.Flush()
}

// rpc returns the RPC that a case is about.
func rpc(k cositest.Case) string {
	if k.RPC == "" {
		return "every call"
	}
	return k.RPC
}
