package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// configure reads the file of -config, if one is given, and sets the flags that the command line does not.
func (v *invocation) configure(set *flag.FlagSet) error {
	from := v.checks.config
	if !from.given {
		return nil
	}
	content, err := v.content(from.name)
	if err != nil {
		return fmt.Errorf("-config: %w", err)
	}
	members, err := readObject(content, "a JSON object")
	if err != nil {
		return fmt.Errorf("-config %s: %w", from.name, err)
	}
	for _, m := range members {
		if err := v.apply(set, m); err != nil {
			return fmt.Errorf("-config %s: %w", from.name, err)
		}
	}
	return nil
}

// unconfigured are the flags that are for a command line alone: one run's question, and a decision for one screen.
func unconfigured() []string { return []string{"config", "list", "show-secrets"} }

// apply sets what a member of the file names.
func (v *invocation) apply(set *flag.FlagSet, m member) error {
	f := set.Lookup(m.key)
	switch {
	case f == nil:
		return fmt.Errorf("there is no key %q%s", m.key, didYouMean(m.key, "", configKeys(set)))
	case slices.Contains(unconfigured(), m.key):
		return fmt.Errorf("%q cannot be configured; want the flag -%s", m.key, m.key)
	}
	var err error
	switch {
	case m.key == "skip": // in addition to the flag
		err = v.leaveOut(m)
	case !v.given[m.key]:
		err = v.setFlag(f, m)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", m.key, err)
	}
	return nil
}

func configKeys(set *flag.FlagSet) []string {
	return slices.DeleteFunc(flagNames(set), func(name string) bool { return slices.Contains(unconfigured(), name) })
}

// leaveOut reads why cases are left out.
func (v *invocation) leaveOut(m member) error {
	if m.kind() != anObject {
		return mistyped(m, "an object of cases, or rules, and the reasons why they are left out")
	}
	reasons, err := parseParameters(m.value)
	if err != nil {
		return err
	}
	known := caseNames()
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no case or rule %q%s; cosictl check -list has them all", name, didYouMean(name, "", known))
		}
		if strings.TrimSpace(reasons[name]) == "" {
			return fmt.Errorf("%q has an empty reason; want why it is left out", name)
		}
	}
	v.checks.reasons = reasons
	return nil
}

// setFlag gives a flag the value of a member, which has to be of the flag's type.
func (v *invocation) setFlag(f *flag.Flag, m member) error {
	if set, ok := f.Value.(*parameterSet); ok && m.kind() == anObject {
		parameters, err := v.parseSecrets(m.value)
		set.inline = parameters
		return err
	}
	kind, want := typeOf(f)
	if m.kind() != kind {
		return mistyped(m, want)
	}
	value := string(m.value)
	if kind == aString {
		value, _ = m.text()
	}
	err := f.Value.Set(value)
	if _, plain := f.Value.(flag.Getter); plain && err != nil { // its words say less
		return errors.New("want " + want)
	}
	return err
}

// typeOf returns the JSON type of a flag's values, and what to want of them.
func typeOf(f *flag.Flag) (kind, want string) {
	if _, ok := f.Value.(*parameterSet); ok {
		return aString, "an object of strings, or the name of a file with one"
	}
	getter, ok := f.Value.(flag.Getter)
	if !ok {
		return aString, aString
	}
	switch getter.Get().(type) {
	case bool:
		return aBoolean, aBoolean
	case int:
		return aNumber, "a whole number"
	case time.Duration:
		return aString, `a duration such as "10s"`
	}
	return aString, aString
}

func mistyped(m member, want string) error { return fmt.Errorf("it has %s; want %s", m.kind(), want) }
