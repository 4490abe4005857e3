package cositest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/statuses"
)

// elsewhereError says why a case does not apply to this driver.
type elsewhereError string

func (e elsewhereError) Error() string { return string(e) }

// needsError names what a case needs of the configuration, and does not have.
type needsError string

func (e needsError) Error() string { return "needs " + string(e) }

// adviceError reports a broken part of a rule that a driver should, but need not keep.
type adviceError struct{ error }

func (e adviceError) Unwrap() error { return e.error }

// missedError says why a case could not reach the point that it is about.
type missedError struct{ error }

func (e missedError) Unwrap() error { return e.error }

// missed marks an error of what a case needs, as opposed to what it looks at.
func missed(what string, err error) error {
	if err == nil {
		return nil
	}
	return missedError{&told{what + ": " + plainly(err), err}}
}

// told holds an error in other words.
type told struct {
	text string
	error
}

func (e *told) Error() string { return e.text }
func (e *told) Unwrap() error { return e.error }

// plainly returns the text of an error; for a driver's answer, what the driver said.
func plainly(err error) string {
	if answer, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		if _, ours := err.(unsupportedError); !ours { //nolint:errorlint // an error around an answer has words of its own
			return said(status.ErrorProto(answer.GRPCStatus().Proto()))
		}
	}
	return err.Error()
}

// silentError reports a call that was given up because no answer came, or that was not made because of earlier ones.
type silentError struct {
	rpc      string
	timeout  time.Duration
	uncalled bool
}

func (e silentError) Error() string {
	if e.uncalled {
		return fmt.Sprintf("%s was not called: earlier calls had no answer within %s", e.rpc, e.timeout)
	}
	return fmt.Sprintf("%s did not answer within %s", e.rpc, e.timeout)
}

// GRPCStatus lets such an error have a code.
func (e silentError) GRPCStatus() *status.Status {
	return status.New(codes.DeadlineExceeded, e.Error())
}

// lostError reports a call without an answer because there is no connection.
type lostError struct{ rpc, why string }

func (e lostError) Error() string { return fmt.Sprintf("%s lost its connection: %s", e.rpc, e.why) }

// GRPCStatus lets such an error have a code.
func (e lostError) GRPCStatus() *status.Status { return status.New(codes.Unavailable, e.Error()) }

// hugeError reports a call whose answer was too large to read.
type hugeError struct{ rpc string }

func (e hugeError) Error() string {
	return e.rpc + " answered more than can be read, which GEN-9 reports"
}

// GRPCStatus lets such an error have a code.
func (e hugeError) GRPCStatus() *status.Status { return status.New(codes.ResourceExhausted, e.Error()) }

// unsupportedError reports UNIMPLEMENTED from an RPC that has never answered anything else.
type unsupportedError struct {
	rpc    string
	status *status.Status
}

func (e unsupportedError) Error() string {
	return fmt.Sprintf("the driver does not implement %s: %s", e.rpc, e.status.Message())
}

// GRPCStatus returns what the driver answered.
func (e unsupportedError) GRPCStatus() *status.Status { return e.status }

// unsupported says that a call failed because the driver does not implement the RPC at all.
func unsupported(err error) bool {
	_, ok := errors.AsType[unsupportedError](err)
	return ok
}

// gone says that a call had no answer that can be read: the driver hangs, the connection is lost, or the answer is too large.
func gone(err error) bool {
	_, silent := errors.AsType[silentError](err)
	_, lost := errors.AsType[lostError](err)
	_, huge := errors.AsType[hugeError](err)
	return silent || lost || huge
}

// canonical says whether a code is one that a driver may answer (GEN-4).
func canonical(code codes.Code) bool { return code != codes.Unknown && code <= codes.Unauthenticated }

// said returns what a driver answered, as a report has it.
func said(err error) string {
	if unsupported(err) || gone(err) {
		return err.Error()
	}
	st := status.Convert(err)
	if st.Message() == "" {
		return statuses.Name(st.Code()) + " without a message"
	}
	return statuses.Name(st.Code()) + ": " + st.Message()
}

// refused expects an error with one of the codes. A code that is none counts as any of them: GEN-4 reports it.
func refused(what string, err error, accepted ...codes.Code) error {
	code := status.Code(err)
	switch {
	case err == nil:
		return fmt.Errorf("%s is accepted; want %s", what, statuses.Name(accepted[0]))
	case unsupported(err):
		return err
	case gone(err):
		return fmt.Errorf("%s is not answered: %w", what, err)
	case !canonical(code) || slices.Contains(accepted, code):
		return nil
	}
	return fmt.Errorf("%s is refused with %s; want %s", what, said(err), statuses.Name(accepted[0]))
}

// accepted expects success.
func accepted(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case unsupported(err):
		return err
	case gone(err):
		return fmt.Errorf("%s is not answered: %w", what, err)
	}
	return fmt.Errorf("%s is refused: %s", what, said(err))
}

// granted expects success of a grant. ALREADY_EXISTS is GRANT-11's to report.
func granted(what string, err error) error {
	if status.Code(err) == codes.AlreadyExists {
		return missed(what+" answers ALREADY_EXISTS, which GRANT-11 reports", err)
	}
	return accepted(what, err)
}

// outcome returns the outcome for the error of a case. What the driver cannot do, and what the configuration does not give, counts
// as such wherever the case came upon it.
func (r *runner) outcome(ctx context.Context, k Case, err error) (Outcome, string) {
	if err == nil {
		return Passed, ""
	}
	if ctx.Err() != nil {
		return NotReached, context.Cause(ctx).Error()
	}
	if unsupported, ok := errors.AsType[unsupportedError](err); ok {
		r.unimplemented(unsupported.rpc)
		return NotApplicable, unsupported.Error()
	}
	if needs, ok := errors.AsType[needsError](err); ok {
		return NotConfigured, needs.Error()
	}
	if _, ok := errors.AsType[missedError](err); ok {
		return NotReached, err.Error()
	}
	if huge, ok := errors.AsType[hugeError](err); ok {
		return NotReached, huge.Error()
	}
	if elsewhere, ok := errors.AsType[elsewhereError](err); ok {
		return NotApplicable, string(elsewhere)
	}
	if silent, ok := errors.AsType[silentError](err); ok {
		return r.silence(silent), err.Error()
	}
	if _, ok := errors.AsType[adviceError](err); ok || k.advice {
		return Warned, err.Error()
	}
	return Failed, err.Error()
}

// silence returns the outcome of a case about an RPC that hangs: those that call it fail, or the first that would.
func (r *runner) silence(e silentError) Outcome {
	if e.uncalled && r.hanging[e.rpc] {
		return NotReached
	}
	r.hanging[e.rpc] = true
	return Failed
}
