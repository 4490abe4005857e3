package main

import (
	"cmp"
	"errors"
	"fmt"
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

// refusedError is a driver's answer that is no success.
type refusedError struct{ code, message string }

func (e refusedError) Error() string { return e.code + ": " + e.message }

// refused is how a driver refused a call, with the canonical name of the code, and without secrets.
func (v *invocation) refused(err error) error {
	st := status.Convert(err)
	if notGRPC(st) {
		return connectionError{fmt.Errorf("no connection to %s: it does not answer as a gRPC server does: %s", v.endpoint, v.secrets.mask(st.Message()))}
	}
	return refusedError{statuses.Name(st.Code()), cmp.Or(v.secrets.mask(st.Message()), "(without a message)")}
}

// notGRPC tells the answer of a plain web server, for which the client makes up a status.
func notGRPC(st *status.Status) bool {
	return strings.Contains(st.Message(), "unexpected content-type") || strings.Contains(st.Message(), "missing HTTP content-type")
}
