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
)

// errNoResult is a handler's fault: success without a result (requirement GEN-16).
var errNoResult = status.Error(codes.Internal, "the handler returned neither a response nor an error")

// answered sees to it that the caller gets either a result or a canonical code with a message that holds nothing
// secret (requirements GEN-4 to GEN-6, GEN-16).
func (ch *chain) answered(ctx context.Context, c *call) (any, error) {
	response, err := c.next(ctx)
	if err == nil && isNil(response) {
		err = errNoResult
	}
	if err == nil && ch.vet {
		err = ch.vetted(c, response)
	}
	if err == nil {
		return response, nil
	}
	err = ch.failed(ctx, c, response, err)
	if c.method == nil || !ch.translate {
		return nil, err
	}
	return ch.translated(ctx, c, err)
}

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

// failed keeps the cause and the answer for the log, with secrets masked, and returns what the caller gets.
func (ch *chain) failed(ctx context.Context, c *call, response any, cause error) error {
	request, _ := c.request.(proto.Message)
	granted, _ := response.(proto.Message)
	secrets := redact.Values(request, granted)
	c.failure = &failure{}
	answer := ch.answer(ctx, c, cause)
	st := status.Convert(answer)
	c.failure.cause = errors.New(redact.Text(cause.Error(), secrets))
	c.failure.answer = redact.Text(st.Message(), secrets)
	if c.method == nil {
		return answer
	}
	return status.Error(st.Code(), redact.Text(st.Message(), redact.Values(granted)))
}

// answer finds what the caller is told of a cause.
func (ch *chain) answer(ctx context.Context, c *call, cause error) error {
	var panicked *panicError
	switch {
	case errors.As(cause, &panicked):
		c.failure.stack = panicked.stack
		ch.telemetry.countPanic(ctx, c.Name)
		return status.Errorf(codes.Internal, "%s failed unexpectedly; the driver's log has the cause", c.Name)
	case c.method == nil:
		return asSent(cause) // a service of the author's own: its errors are its own
	}
	return c.normalize(ctx, cause).Err()
}

// asSent gives an error that is no status the code that gRPC would send for it.
func asSent(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.FromContextError(err).Err()
}

// normalize finds the status in an error: its own, the one that it wraps, that of a context, or INTERNAL with a neutral
// message. Details are dropped.
func (c *call) normalize(ctx context.Context, err error) *status.Status {
	if st, wrapped := statusOf(err); st != nil {
		c.failure.wrapped = wrapped
		return canonical(st)
	}
	over := errors.Join(err, ctx.Err()) // when the call is over, an error without a code most likely came of that
	switch {
	case c.expired || errors.Is(over, context.DeadlineExceeded):
		return status.Newf(codes.DeadlineExceeded, "%s did not end before its deadline", c.Name)
	case errors.Is(over, context.Canceled):
		return status.Newf(codes.Canceled, "%s was cancelled", c.Name)
	}
	return status.Newf(codes.Internal, "%s failed; the driver's log has the cause", c.Name)
}

// statusOf returns the status that an error is, or wraps; nil when there is none. A status that says OK is none.
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

// canonical replaces UNKNOWN and codes that gRPC does not define by INTERNAL, and fills in a missing message.
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

// translated applies the method's translation to the code of a failure. A status that the handler had wrapped, or that an
// interceptor returned, may come from something else than the object asked for, so NOT_FOUND counts only when the
// handler itself returned it.
func (ch *chain) translated(ctx context.Context, c *call, err error) (any, error) {
	t := c.method.Translation
	own := !c.failure.wrapped && codes.Code(c.returned.Load()) == t.From
	if t.Rule == "" || status.Code(err) != t.From || !own && !t.Always {
		return nil, err
	}
	ch.log.Info("status code translated", "rule", t.Rule, "method", c.Name, "from", t.From.String(), "to", t.To.String(),
		"bucket", c.Bucket, "account", c.Account, "cause", c.failure.cause.Error())
	ch.telemetry.countTranslation(ctx, c.Name, t.Rule)
	if t.To == codes.OK {
		return t.Reply(), nil
	}
	return nil, status.Error(t.To, status.Convert(err).Message())
}
