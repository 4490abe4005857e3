package gocosi

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/rules"
)

// errNoResult reports success without a result (requirement GEN-16).
var errNoResult = status.Error(codes.Internal, "the handler returned neither a response nor an error")

// failure tells what happened to a call that failed.
type failure struct {
	answer  error  // what the caller gets
	wrapped bool   // the handler had wrapped its status in another error
	stack   string // of a panic

	cause error  // what really happened, for the log
	told  string // the answer's message, for the log
}

// answered returns either a result that breaks no rule, or a canonical code with a message that holds nothing secret
// (requirements GEN-4 to GEN-6, GEN-16).
func (ch *chain) answered(ctx context.Context, c *call) (any, error) {
	response, err := c.next(ctx)
	if err == nil {
		err = ch.vet(c, response)
	}
	if err == nil {
		return response, nil
	}
	c.failure = ch.diagnose(ctx, c, response, err)
	if c.method == nil || !ch.translates {
		return nil, c.failure.answer
	}
	return ch.translate(ctx, c, c.failure)
}

// vet refuses an answer that is missing or breaks a rule. The error tells the rule and the shape of the answer, never a
// value in it.
func (ch *chain) vet(c *call, response any) error {
	if isNil(response) {
		return errNoResult
	}
	if !ch.vets {
		return nil
	}
	if v := rules.Response(c.request, response); v != nil {
		return status.Errorf(codes.Internal, "the driver's answer breaks a rule: %v", v)
	}
	if v := rules.Advice(response); v != nil {
		if _, told := ch.advised.LoadOrStore(v.Rule, true); !told {
			ch.log.Info("answer is allowed but unwise", "reason", v.Error(), "method", c.Name)
		}
	}
	return nil
}

// isNil reports whether a value is nil, or an interface that holds a nil of some type.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan:
		return r.IsNil()
	default:
		return false
	}
}

// diagnose explains a failure. It masks secrets in what the log says, and in what callers of COSI's methods get.
func (ch *chain) diagnose(ctx context.Context, c *call, response any, cause error) *failure {
	f := ch.explain(ctx, c, cause)
	request, _ := c.request.(proto.Message)
	granted, _ := response.(proto.Message)
	secrets := redact.Values(request, granted)
	st := status.Convert(f.answer)
	f.cause = errors.New(redact.Text(cause.Error(), secrets))
	f.told = redact.Text(st.Message(), secrets)
	if c.method != nil {
		f.answer = status.Error(st.Code(), redact.Text(st.Message(), redact.Values(granted)))
	}
	return f
}

// explain finds the answer: a neutral one for a panic, the status in an error, or the best guess. The errors of a service of
// the author's own pass as they are.
func (ch *chain) explain(ctx context.Context, c *call, cause error) *failure {
	if panicked, ok := errors.AsType[*panicError](cause); ok {
		ch.telemetry.countPanic(ctx, c.Name)
		return &failure{
			answer: status.Errorf(codes.Internal, "%s failed unexpectedly; the driver's log has the cause", c.Name),
			stack:  panicked.stack,
		}
	}
	st, wrapped := statusOf(cause)
	switch {
	case c.method == nil:
		return &failure{answer: asSent(cause)}
	case st != nil:
		return &failure{answer: canonical(st).Err(), wrapped: wrapped}
	}
	return &failure{answer: c.guess(ctx, cause).Err()}
}

// asSent gives an error that is no status the code that gRPC would send for it.
func asSent(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.FromContextError(err).Err()
}

// statusOf returns the status that an error is, or wraps; nil when there is none. A status that says OK does not count.
func statusOf(err error) (st *status.Status, wrapped bool) {
	if err == nil {
		return nil, false
	}
	var holder interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &holder) || holder.GRPCStatus().Code() == codes.OK {
		return nil, false
	}
	_, direct := err.(interface{ GRPCStatus() *status.Status }) // the question is what err itself is
	return holder.GRPCStatus(), !direct
}

// canonical drops the details of a status, replaces UNKNOWN and codes that gRPC does not define by INTERNAL, and fills in
// a missing message.
func canonical(st *status.Status) *status.Status {
	code, message := st.Code(), st.Message()
	if code == codes.Unknown || code > codes.Unauthenticated {
		code = codes.Internal
	}
	if message == "" {
		message = fmt.Sprintf("the driver answered %s without a reason", st.Code())
	}
	return status.New(code, message)
}

// guess words an error without a status: that of a context, or INTERNAL. When the call is over, such an error most likely
// came of that.
func (c *call) guess(ctx context.Context, err error) *status.Status {
	over := errors.Join(err, ctx.Err())
	switch {
	case c.expired || errors.Is(over, context.DeadlineExceeded):
		return status.Newf(codes.DeadlineExceeded, "%s did not end before its deadline", c.Name)
	case errors.Is(over, context.Canceled):
		return status.Newf(codes.Canceled, "%s was cancelled", c.Name)
	}
	return status.Newf(codes.Internal, "%s failed; the driver's log has the cause", c.Name)
}

// translate applies the method's translation to the code of a failure. A status that the handler had wrapped, or that an
// interceptor returned, may speak of something else than the object asked for, so NOT_FOUND counts only when the handler
// itself returned it.
func (ch *chain) translate(ctx context.Context, c *call, f *failure) (any, error) {
	t := c.method.Translation
	own := !f.wrapped && codes.Code(c.returned.Load()) == t.From
	if t.Rule == "" || status.Code(f.answer) != t.From || !own && !t.Always {
		return nil, f.answer
	}
	ch.log.Info("status code translated", "rule", t.Rule, "method", c.Name, "from", t.From.String(), "to", t.To.String(),
		"bucket", c.Bucket, "account", c.Account, "cause", f.cause.Error())
	ch.telemetry.countTranslation(ctx, c.Name, t.Rule)
	if t.To == codes.OK {
		return t.Reply(), nil
	}
	return nil, status.Error(t.To, status.Convert(f.answer).Message())
}
