package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// parameterFlags are where parameters come from.
type parameterFlags struct {
	pairs []string
	file  file
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

func (v *invocation) parameterFlags(set *flag.FlagSet) {
	set.Func("p", "a parameter, as `KEY=VALUE`; may be repeated", func(pair string) error {
		v.parameters.pairs = append(v.parameters.pairs, pair) // looked at later: an error here would print the value
		return nil
	})
	set.Var(&v.parameters.file, "parameters", "`FILE` with parameters, which may be secret: a JSON object of strings; - is standard input")
}

// readParameters are those of -parameters and -p together; nil when there are none.
func (v *invocation) readParameters() (map[string]string, error) {
	parameters, err := v.readFile("parameters", v.parameters.file)
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

// readFile reads the parameters that a flag names a file for; nil when it is not given.
func (v *invocation) readFile(name string, f file) (map[string]string, error) {
	if !f.given {
		return nil, nil //nolint:nilnil // none
	}
	content, err := v.content(f.name)
	if err != nil {
		return nil, usageError{fmt.Errorf("-%s: %w", name, err)}
	}
	parameters, err := parseParameters(content)
	if err != nil {
		return nil, usageError{fmt.Errorf("-%s %s: %w", name, f.name, err)}
	}
	for _, value := range parameters {
		v.secrets.add(value)
	}
	return parameters, nil
}

func (v *invocation) content(name string) ([]byte, error) {
	if name != "-" {
		return os.ReadFile(name)
	}
	if v.parameters.stdin {
		return nil, errors.New("standard input is read already")
	}
	v.parameters.stdin = true
	return io.ReadAll(v.stdin)
}

// errNotObject refuses JSON of another shape. No error says what the file holds: that may be secret.
var errNotObject = errors.New("not a JSON object of strings")

// parseParameters reads a JSON object of strings, and refuses a key that is there twice: the first would be lost.
func parseParameters(content []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotObject
	}
	parameters := map[string]string{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, errNotObject
		}
		name, _ := key.(string) // the decoder takes nothing else for a key
		value, err := decoder.Token()
		text, ok := value.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: %q has no string", errNotObject, name)
		}
		if _, twice := parameters[name]; twice {
			return nil, fmt.Errorf("%q is there twice", name)
		}
		parameters[name] = text
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return nil, errNotObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more follows it", errNotObject)
	}
	return parameters, nil
}
