package main

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The kinds of failures.
const (
	kindRefused     = "refused"
	kindUsage       = "usage"
	kindConnection  = "connection"
	kindInterrupted = "interrupted"
	kindGeneration  = "generation"
	kindFailed      = "failed"
)

// failure is how a command failed, as it stands in JSON.
type failure struct {
	Command  string `json:"command,omitempty"` // "": none is known yet
	Kind     string `json:"kind"`
	Code     string `json:"code,omitempty"` // of a driver's answer
	Message  string `json:"message"`
	ExitCode int    `json:"exit_code"`
}

// failureOf describes an error of the command with the name.
func failureOf(name string, err error) failure {
	f := failure{Command: name, Kind: kindFailed, Message: oneLine(err.Error()), ExitCode: exitFailed}
	refused, isRefused := errors.AsType[refusedError](err)
	switch {
	case is[usageError](err):
		f.Kind, f.ExitCode = kindUsage, exitUsage
	case is[connectionError](err):
		f.Kind, f.ExitCode = kindConnection, exitNoConnection
	case is[generationError](err):
		f.Kind, f.ExitCode = kindGeneration, exitGeneration
	case errors.Is(err, errInterrupted):
		f.Kind = kindInterrupted
	case isRefused:
		f.Kind, f.Code, f.Message = kindRefused, refused.code, oneLine(refused.message)
	}
	return f
}

// is says whether an error is of a type, or wraps one that is.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// text is the failure for people.
func (f failure) text() string {
	for _, part := range []string{f.Code, f.Command} {
		if part != "" {
			f.Message = part + ": " + f.Message
		}
	}
	return "cosictl: " + f.Message
}

// conclude writes how the command with the name failed, in the format that args ask for, and returns the exit code.
func (v *invocation) conclude(args []string, name string, err error) int {
	if err == nil {
		return exitDone
	}
	f := failureOf(name, err)
	switch {
	case errors.Is(err, errSaid):
	case v.wantsJSON(args, f.Kind == kindUsage):
		encoder := json.NewEncoder(v.stderr)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(map[string]failure{"error": f}) //nolint:errchkjson // a failure to write has nobody to be told
	default:
		fmt.Fprintln(v.stderr, f.text())
	}
	return f.ExitCode
}

// wantsJSON says whether errors are written as JSON. Wrong usage may have kept -o from being read.
func (v *invocation) wantsJSON(args []string, misused bool) bool {
	format := v.format
	if misused {
		if asked := formatIn(args); asked != "" {
			format = asked
		}
	}
	return format == formatJSON
}

// formatIn returns the last value of -o among arguments of which others are wrong; "" when it is not there.
func formatIn(args []string) string {
	scratch := &invocation{}
	set := newFlagSet("")
	scratch.commonFlags(set)
	scratch.checkFlags(set) // check has the flags of all commands
	for len(args) > 0 {
		err := set.Parse(args)
		rest := set.Args()
		read := len(args) - len(rest)
		if err == nil && read > 0 && args[read-1] == "--" {
			break
		}
		if err == nil || read == 0 { // what comes next is an argument, or has no flag's form
			rest = rest[min(1, len(rest)):]
		}
		args = rest
	}
	return scratch.format
}
