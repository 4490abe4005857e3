package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// extra describes files that a scaffold gets only when -with names it.
type extra struct {
	paths []string // files, and folders with all that is in them
	adds  string   // what it adds, for the usage
	needs string   // what it cannot do without
}

// extras lists them by name. Those with a folder of their own in deploy/ are Kustomize components.
var extras = map[string]extra{
	"ci": {
		paths: []string{".github/workflows/ci.yaml", ".golangci.yml"},
		adds:  "a GitHub workflow that tests, lints and builds the image",
		needs: "a go.mod that requires a release of gocosi",
	},
	"ha": {
		paths: []string{"deploy/ha"},
		adds:  "a second replica, as a standby",
		needs: "two nodes in the cluster and handlers that allow for another process",
	},
	"monitoring": {
		paths: []string{"deploy/monitoring"},
		adds:  "a PodMonitor, alert rules and a Grafana dashboard",
		needs: "the Prometheus operator in the cluster",
	},
	"networkpolicy": {
		paths: []string{"deploy/networkpolicy"},
		adds:  "a NetworkPolicy that lets nobody in",
		needs: "a network plugin in the cluster that enforces policies",
	},
}

// extraNames lists the names for people.
func extraNames() string { return strings.Join(slices.Sorted(maps.Keys(extras)), ", ") }

// extraUsage tells what each extra adds.
func extraUsage() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(extras)) {
		fmt.Fprintf(&text, "  %-14s %s\n", name, extras[name].adds)
	}
	return text.String()
}

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
		if slices.ContainsFunc(e.paths, func(path string) bool { return within(target, path) }) {
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

// delimiters returns those of the template of a file. The files of extras have braces of their own, for Prometheus, Grafana and GitHub.
func delimiters(target string) (left, right string) {
	if extraOf(target) != "" {
		return "[[", "]]"
	}
	return "{{", "}}"
}
