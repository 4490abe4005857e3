package main

import (
	"fmt"
	"strings"

	"github.com/doomshrine/gocosi/internal/rules"
)

// The lines of docs/conformance.md between which the sections stand.
const (
	begin = "<!-- Written by internal/tools/rulesdoc from internal/rules. Change the texts there. -->"
	end   = "<!-- The end of what internal/tools/rulesdoc writes. -->"
)

// family is a chapter of rules.
type family struct {
	prefix, heading, introduction string
}

func families() []family {
	return []family{
		{"GEN", "Every call", ""},
		{"INFO", rules.GetInfo, ""},
		{"CREATE", rules.Create, ""},
		{"DELETE", rules.Delete, ""},
		{"GRANT", rules.Grant, ""},
		{"REVOKE", rules.Revoke, ""},
		{"ISOLATION", "Isolation of users", ""},
		{"LOAD", "Many calls", ""},
		{
			"OUTAGE", "The store is away",
			"While the driver cannot reach the store, it knows nothing about it. The sidecar takes OK for done, and repeats every " +
				"error. Users read the code: one that blames the request makes them look in the wrong place. UNAVAILABLE, " +
				"DEADLINE_EXCEEDED and ABORTED are right. The kit advises against INTERNAL, which looks like a fault of the driver, " +
				"and against a call that hangs, which keeps a worker of the sidecar busy.",
		},
		{"NEXT", "Ready for v1alpha2", "This is advice for the next version. It fails no driver: no rule of v1alpha1 asks for any of this."},
	}
}

// conformance replaces the sections of the rules in docs/conformance.md.
func conformance(old string) (string, error) {
	before, rest, ok := strings.Cut(old, begin+"\n")
	if !ok {
		return "", fmt.Errorf("has no line %q, want it before the sections of the rules", begin)
	}
	_, after, ok := strings.Cut(rest, end+"\n")
	if !ok {
		return "", fmt.Errorf("has no line %q, want it after the sections of the rules", end)
	}
	return before + begin + "\n" + sections() + "\n" + end + "\n" + after, nil
}

// sections returns a chapter for each family, with a section for each rule that a case reports.
func sections() string {
	var text strings.Builder
	for _, f := range families() {
		fmt.Fprintf(&text, "\n## %s\n", f.heading)
		paragraph(&text, f.introduction)
		for _, r := range rules.All() {
			if id, _, _ := strings.Cut(r.ID, "-"); id == f.prefix && r.Fault != "" {
				section(&text, r)
			}
		}
	}
	return text.String()
}

// section writes what breaking a rule does, and how to fix it. The parts stand in a list, each with what it has of its own.
func section(text *strings.Builder, r rules.Rule) {
	fmt.Fprintf(text, "\n### %s\n", r.ID)
	paragraph(text, fmt.Sprintf("**%s:** %s", r.Level, r.Text))
	paragraph(text, fmt.Sprintf("*%s* %s", r.Fault, r.Effect))
	for i, p := range r.Parts {
		if i == 0 {
			text.WriteString("\n")
		}
		item := fmt.Sprintf("`%s`: *%s*", p.Name, p.Fault)
		if p.Effect != "" {
			item += " " + p.Effect
		}
		if p.Remedy != "" {
			item += " **Fix:** " + p.Remedy
		}
		wrap(text, item, "- ", "  ")
	}
	paragraph(text, "**Fix:** "+r.Remedy)
}

// paragraph writes a paragraph after a blank line; nothing for an empty one.
func paragraph(text *strings.Builder, prose string) {
	if prose != "" {
		text.WriteString("\n")
		wrap(text, prose, "", "")
	}
}

// width is that of a line of the documents.
const width = 120

// wrap writes prose in lines of the width, the first after one string and the others after another. Code stays in one line,
// because a line break in it is hard to read and harder to search for.
func wrap(text *strings.Builder, prose, first, others string) {
	line := first
	for i, word := range words(prose) {
		if i > 0 && len(line)+1+len(word) > width {
			text.WriteString(line + "\n")
			line = others
		} else if i > 0 {
			line += " "
		}
		line += word
	}
	text.WriteString(line + "\n")
}

// words splits prose at the spaces outside of code.
func words(prose string) []string {
	var all []string
	code := false
	for word := range strings.SplitSeq(prose, " ") {
		if code {
			all[len(all)-1] += " " + word
		} else {
			all = append(all, word)
		}
		code = code != (strings.Count(word, "`")%2 == 1)
	}
	return all
}
