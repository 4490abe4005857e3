package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
)

// parameterFlags are where parameters come from.
type parameterFlags struct {
	pairs []string
	set   parameterSet
	stdin bool // standard input was read
}

// file is the name of a file, if one is given; "-" is standard input.
type file struct {
	name  string
	given bool
}

func (f *file) String() string { return f.name }

func (f *file) Set(name string) error {
	*f = file{name, true}
	return nil
}

// parameterSet is the file that parameters stand in, or, from a file of configuration, they themselves.
type parameterSet struct {
	file

	inline map[string]string // nil: read the file
}

func (v *invocation) parameterFlags(set *flag.FlagSet) {
	set.Func("p", "a parameter, as `KEY=VALUE`; may be repeated", func(pair string) error {
		v.parameters.pairs = append(v.parameters.pairs, pair) // checked later: an error here would print the value
		return nil
	})
	set.Var(&v.parameters.set, "parameters", "`FILE` with parameters, which may be secret: a JSON object of strings; - is standard input")
}

// readParameters are those of -parameters and -p together; nil when there are none.
func (v *invocation) readParameters() (map[string]string, error) {
	parameters, err := v.readSet("parameters", v.parameters.set)
	if err != nil {
		return nil, err
	}
	for i, pair := range v.parameters.pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("-p number %d is not KEY=VALUE", i+1)}
		}
		if _, twice := parameters[key]; twice {
			return nil, usageError{fmt.Errorf("the parameter %q is given twice", key)}
		}
		if parameters == nil {
			parameters = map[string]string{}
		}
		parameters[key] = value
		v.secrets.add(value)
	}
	return parameters, nil
}

// readSet reads the parameters that a flag names a file for; nil when it is not given.
func (v *invocation) readSet(name string, set parameterSet) (map[string]string, error) {
	if !set.given {
		return maps.Clone(set.inline), nil
	}
	content, err := v.content(set.name)
	if err != nil {
		return nil, usageError{fmt.Errorf("-%s: %w", name, err)}
	}
	parameters, err := v.parseSecrets(content)
	if err != nil {
		return nil, usageError{fmt.Errorf("-%s %s: %w", name, set.name, err)}
	}
	return parameters, nil
}

// parseSecrets reads parameters, and remembers their values.
func (v *invocation) parseSecrets(content []byte) (map[string]string, error) {
	parameters, err := parseParameters(content)
	for _, value := range parameters {
		v.secrets.add(value)
	}
	return parameters, err
}

func (v *invocation) content(name string) ([]byte, error) {
	if name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		return limited(opened)
	}
	if v.parameters.stdin {
		return nil, errors.New("standard input is read already")
	}
	v.parameters.stdin = true
	return limited(v.stdin)
}

// maxFile is how large a file may be that a flag names: parameters have a few KiB, and all certificates of a system some hundred.
const maxFile = 8 << 20

func limited(from io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("it has more than %d MiB, want less", maxFile>>20)
	}
	return content, err
}

// parseParameters reads a JSON object of strings. No error says what it holds but for keys: it may be secret.
func parseParameters(content []byte) (map[string]string, error) {
	const want = "a JSON object of strings"
	members, err := readObject(content, want)
	if err != nil {
		return nil, err
	}
	parameters := map[string]string{}
	for _, m := range members {
		text, ok := m.text()
		if !ok {
			return nil, fmt.Errorf("not %s: %q has no string", want, m.key)
		}
		parameters[m.key] = text
	}
	return parameters, nil
}
