package statuses

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/foreign"
)

// settleTimeout limits how long the methods of an error may take.
const settleTimeout = time.Second

// settledError says what a foreign error said, once.
type settledError struct {
	text  string
	inner []error // what it wraps, as far as this library is interested
}

func (s *settledError) Error() string   { return s.text }
func (s *settledError) Unwrap() []error { return s.inner }

// settledStatusError is a settled error that was a status itself.
type settledStatusError struct {
	settledError

	st *status.Status
}

func (s *settledStatusError) GRPCStatus() *status.Status { return s.st }

// Settle returns an error of the library's own that tells text and status of err, and whether it comes from a context.
// Nothing else touches err: its methods may panic, block, or say something else the next time. An error that cannot be
// asked is what it did instead.
func Settle(err error) error {
	if harmless(err) {
		return err
	}
	s, failed := foreign.Ask(settleTimeout, func() error { return ask(err) })
	switch {
	case errors.Is(failed, foreign.ErrLate):
		return fmt.Errorf("the methods of a %T: %w", err, failed)
	case failed != nil:
		return failed
	}
	return s
}

// errUnknown has the type of gRPC's own statuses.
var errUnknown = status.Error(codes.Unknown, "")

// harmless reports whether the methods of an error are known.
//
//nolint:errorlint // the question is what err itself is
func harmless(err error) bool {
	switch err.(type) {
	case nil, *foreign.PanicError, *foreign.ExitError, *settledError, *settledStatusError:
		return true
	}
	return err == context.Canceled || err == context.DeadlineExceeded || reflect.TypeOf(err) == reflect.TypeOf(errUnknown)
}

func ask(err error) error {
	s := settledError{text: err.Error()}
	st, wrapped := Of(err)
	if wrapped {
		s.inner = append(s.inner, st.Err())
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			s.inner = append(s.inner, known)
		}
	}
	if st != nil && !wrapped {
		return &settledStatusError{s, status.FromProto(st.Proto())}
	}
	return &s
}

// Own returns the code of the status that an error itself is; OK when it is none.
func Own(err error) codes.Code {
	if _, ok := err.(holder); !ok {
		return codes.OK
	}
	if st, wrapped := Of(Settle(err)); !wrapped {
		return st.Code()
	}
	return codes.OK
}
