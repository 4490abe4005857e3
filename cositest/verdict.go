package cositest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// skipError is why a case cannot apply.
type skipError string

func (e skipError) Error() string { return string(e) }

// missedError is why a case could not be brought to the point that it is about.
type missedError struct{ error }

func (e missedError) Unwrap() error { return e.error }

// missed marks an error of what a case needs, as opposed to what it looks at.
func missed(what string, err error) error {
	if err == nil {
		return nil
	}
	return missedError{fmt.Errorf("%s: %w", what, err)}
}

// silentError is a call that was given up because no answer came, or that was not made because of earlier ones.
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

// unsupportedError is UNIMPLEMENTED from an RPC that has never answered anything else.
type unsupportedError struct {
	rpc    string
	status *status.Status
}

func (e unsupportedError) Error() string {
	return fmt.Sprintf("the driver does not implement %s: %s", e.rpc, e.status.Message())
}

// GRPCStatus is what the driver answered.
func (e unsupportedError) GRPCStatus() *status.Status { return e.status }

// gone says that a call had no answer: the driver hangs, or the connection is lost.
func gone(err error) bool {
	_, silent := errors.AsType[silentError](err)
	return silent || status.Code(err) == codes.Unavailable
}

// canonical says whether a code is one that a driver may answer (GEN-4).
func canonical(code codes.Code) bool { return code != codes.Unknown && code <= codes.Unauthenticated }

// refused expects an error with one of the codes. A code that is none counts as any of them: GEN-4 reports it.
func refused(what string, err error, accepted ...codes.Code) error {
	code := status.Code(err)
	_, unsupported := errors.AsType[unsupportedError](err)
	switch {
	case err == nil:
		return fmt.Errorf("%s is accepted; expected is %s", what, accepted[0])
	case unsupported:
		return err
	case gone(err):
		return fmt.Errorf("%s is not answered: %w", what, err)
	case !canonical(code) || slices.Contains(accepted, code):
		return nil
	}
	return fmt.Errorf("%s is refused with %s; expected is %s", what, code, accepted[0])
}

// accepted expects success.
func accepted(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s is refused: %w", what, err)
	}
	return nil
}

// granted expects success of a grant. ALREADY_EXISTS is GRANT-11's to report.
func granted(what string, err error) error {
	if status.Code(err) == codes.AlreadyExists {
		return missed(what+" answers ALREADY_EXISTS, which GRANT-11 reports", err)
	}
	return accepted(what, err)
}

// outcome is what the error of a case comes to.
func (r *runner) outcome(ctx context.Context, k Case, err error) (Outcome, string) {
	if r.dead != nil {
		return Failed, deadReason(err, r.dead)
	}
	if err == nil {
		return Passed, ""
	}
	if ctx.Err() != nil {
		return NotReached, ctx.Err().Error()
	}
	if skip, ok := errors.AsType[skipError](err); ok {
		return Skipped, string(skip)
	}
	if unsupported, ok := errors.AsType[unsupportedError](err); ok {
		return Skipped, unsupported.Error()
	}
	if _, ok := errors.AsType[missedError](err); ok {
		return NotReached, err.Error()
	}
	if silent, ok := errors.AsType[silentError](err); ok {
		return r.silence(silent), err.Error()
	}
	if k.advice {
		return Warned, err.Error()
	}
	return Failed, err.Error()
}

// silence is what a case comes to that is about an RPC that hangs: those that call it fail, or the first that would.
func (r *runner) silence(e silentError) Outcome {
	if e.uncalled && r.hanging[e.rpc] {
		return NotReached
	}
	r.hanging[e.rpc] = true
	return Failed
}

func deadReason(err, dead error) string {
	if err == nil {
		return fmt.Sprintf("after the case the driver answers no more: %v", dead)
	}
	return fmt.Sprintf("%v; the driver answers no more: %v", err, dead)
}
