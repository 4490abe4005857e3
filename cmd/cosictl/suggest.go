package main

import (
	"flag"
	"fmt"
	"strings"

	"github.com/doomshrine/gocosi/internal/nearest"
)

// didYouMean returns what ends the part of an error that names something unknown: the known name that may be meant, behind
// a prefix that all of them have; "" if none is near.
func didYouMean(name, prefix string, known []string) string {
	if meant := nearest.To(name, known, (len(name)+1)/3); meant != "" {
		return fmt.Sprintf(" (did you mean %s%s?)", prefix, meant)
	}
	return ""
}

// undefined begins the flag package's error about a flag that a set does not have.
const undefined = "flag provided but not defined: -"

// explainFlag adds what a set's error does not say.
func explainFlag(set *flag.FlagSet, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), undefined)
	if !unknown {
		return err
	}
	return fmt.Errorf("there is no flag -%s%s", name, didYouMean(name, "-", flagNames(set)))
}

func flagNames(set *flag.FlagSet) []string {
	var names []string
	set.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}
