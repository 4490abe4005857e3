package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/statuses"
)

// Exit codes.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitNoConnection = 3
	exitGeneration   = 4
)

// usageError is about what the user gave.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// connectionError is why there is no connection to a driver.
type connectionError struct{ error }

func (e connectionError) Unwrap() error { return e.error }

// generationError is about a driver of another generation of COSI.
type generationError struct{ error }

func (e generationError) Unwrap() error { return e.error }

// errSaid fails a command whose output says why.
var errSaid = errors.New("see the output")

// errInterrupted fails a command that a signal ended.
var errInterrupted = errors.New("interrupted")

// conclude writes how the command with the name failed, and returns the exit code.
func conclude(stderr io.Writer, name string, err error) int {
	var usage usageError
	var connection connectionError
	var generation generationError
	code := exitFailed
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		code = exitUsage
	case errors.As(err, &connection):
		code = exitNoConnection
	case errors.As(err, &generation):
		code = exitGeneration
	}
	if errors.Is(err, errSaid) {
		return code
	}
	if name != "" {
		name += ": "
	}
	fmt.Fprintf(stderr, "cosictl: %s\n", oneLine(name+err.Error()))
	return code
}

// refused is how a driver refused a call, with the canonical name of the code, and without secrets.
func (v *invocation) refused(err error) error {
	st := status.Convert(err)
	if notGRPC(st) {
		return connectionError{fmt.Errorf("no connection to %s: it does not answer as a gRPC server does: %s", v.endpoint, v.secrets.mask(st.Message()))}
	}
	message := v.secrets.mask(st.Message())
	if message == "" {
		message = "(without a message)"
	}
	return fmt.Errorf("%s: %s", statuses.Name(st.Code()), message)
}

// notGRPC tells the answer of a plain web server, for which the client makes up a status.
func notGRPC(st *status.Status) bool {
	return strings.Contains(st.Message(), "unexpected content-type") || strings.Contains(st.Message(), "missing HTTP content-type")
}
