package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// extra describes files that a scaffold gets only when -with names it.
type extra struct {
	folder string // of its files
	uses   string // what it needs in a cluster
}

// extras lists them by name.
var extras = map[string]extra{
	"monitoring": {"deploy/monitoring", "the Prometheus operator"},
}

// extraNames lists the names for people.
func extraNames() string { return strings.Join(slices.Sorted(maps.Keys(extras)), ", ") }

// readExtras reads -with, a list with commas.
func readExtras(list string) (map[string]bool, error) {
	asked := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if _, ok := extras[name]; !ok {
			return nil, fmt.Errorf("-with: %.40q is unknown; want one or more of: %s", name, extraNames())
		}
		asked[name] = true
	}
	return asked, nil
}

// extras tells of each extra whether it was asked for.
func (p plan) extras() map[string]bool {
	all := map[string]bool{}
	for name := range extras {
		all[name] = p.with[name]
	}
	return all
}

// extraOf returns the name of the extra that a file belongs to; "" when every scaffold has it.
func extraOf(target string) string {
	for name, e := range extras {
		if within(target, e.folder) {
			return name
		}
	}
	return ""
}

// leftOut reports whether a file belongs to an extra that was not asked for.
func (p plan) leftOut(target string) bool {
	name := extraOf(target)
	return name != "" && !p.with[name]
}

// delimiters returns those of the template of a file. The files of extras have braces of their own, for Prometheus and Grafana.
func delimiters(target string) (left, right string) {
	if extraOf(target) != "" {
		return "[[", "]]"
	}
	return "{{", "}}"
}
