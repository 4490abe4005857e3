package gocosi

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/lifecycle"
	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/rules"
	"github.com/doomshrine/gocosi/internal/statuses"
)

// failure tells what happened to a call that failed.
type failure struct {
	answer  error  // what the caller gets
	wrapped bool   // the handler had wrapped its status in another error
	expired bool   // at the driver's own deadline
	stack   string // of a panic, or of the end of the goroutine
	rule    string // by which its code was translated

	cause error  // what really happened, for the log
	told  string // the answer's message, for the log
}

// answered returns either a result that breaks no rule, or a canonical code with a message that holds nothing secret
// (requirements GEN-4 to GEN-6, GEN-16).
func (ch *chain) answered(ctx context.Context, c *call) (any, error) {
	response, err := c.next(ctx)
	if err == nil {
		err = ch.vet(ctx, c, response)
	}
	if err == nil {
		return response, nil
	}
	f := c.diagnose(ctx, response, err)
	response, err = nil, f.answer
	if c.method != nil && ch.translates {
		response, err = ch.translate(c, f)
	}
	c.known.failure.Store(f) // it does not change any more
	return response, err
}

// finish answers the call, unless the drain did, and writes its line. The answer waits for the line, but not for one that
// is stuck.
func (c *call) finish(ctx context.Context, response any, err error) {
	if err == nil && c.outer != nil {
		err = c.method.CheckResponse(response)
	}
	f := c.failure.Load()
	if err != nil && (f == nil || f.answer != err) { //nolint:errorlint // an error that wraps it comes from further out than the stages
		f = c.diagnose(ctx, response, err)
		err = f.answer
	}
	answer := c.redacted(response)
	if !c.Answer(response, err) {
		err, f = lifecycle.ErrStopping, c.diagnose(ctx, nil, lifecycle.ErrStopping)
	}
	c.finished = true
	missed := c.chain.telemetry.missed(c)
	c.write(ctx, response, answer, f, err)
	c.chain.telemetry.count(ctx, c, f, missed)
}

// vet refuses an answer that is missing or breaks a rule. The error tells the rule and the shape of the answer, never a
// value in it.
func (ch *chain) vet(ctx context.Context, c *call, response any) error {
	err := c.method.CheckResponse(response)
	if errors.Is(err, methods.ErrNoResult) {
		ch.telemetry.Instruments.Response(ctx, c.Method, rules.NoResult)
	}
	if err != nil || !ch.vets || c.method == nil {
		return err
	}
	g := c.method.Generation
	if v := g.Response(c.kept, response); v != nil {
		ch.telemetry.Instruments.Response(ctx, c.Method, v.Rule)
		return status.Errorf(codes.Internal, "the driver's answer breaks a rule: %v", v)
	}
	if v := g.Advice(response); v != nil {
		if _, told := ch.advised.LoadOrStore(g.Name+" "+v.Rule, true); !told {
			ch.notes.Info("answer is allowed but unwise", "reason", v.Error(), "method", c.Name)
		}
	}
	return nil
}

// diagnose explains a failure. It masks secrets in what the log says, and in what callers of COSI's methods get.
func (c *call) diagnose(ctx context.Context, response any, cause error) *failure {
	cause = statuses.Settle(cause)
	f := c.explain(ctx, cause)
	f.expired = c.expired
	granted := c.method.Classes().Made(response, foreign.ValueOf(cause))
	secrets := slices.Concat(c.secrets, granted)
	st := status.Convert(f.answer)
	f.cause = errors.New(redact.Text(cause.Error(), secrets))
	f.told = redact.Text(st.Message(), secrets)
	if c.method != nil {
		f.answer = status.Error(st.Code(), redact.Text(st.Message(), granted))
	}
	return f
}

// explain finds the answer: a neutral one for a panic, the status in an error, or the best guess. The errors of a service of
// the author's own pass as they are.
func (c *call) explain(ctx context.Context, cause error) *failure {
	if stack, ended := foreign.Stack(cause); ended {
		return &failure{answer: errUnexpected(c.Name), stack: bound.Cut(stack, bound.Stack)}
	}
	st, wrapped := statuses.Of(cause)
	switch {
	case c.method == nil:
		return &failure{answer: statuses.Bounded(statuses.AsSent(cause))}
	case st != nil:
		return &failure{answer: statuses.Canonical(st).Err(), wrapped: wrapped}
	}
	return &failure{answer: c.guess(ctx, cause).Err()}
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
func (ch *chain) translate(c *call, f *failure) (any, error) {
	t := c.method.Translation
	own := !f.wrapped && codes.Code(c.returned.Load()) == t.From
	if t.Rule == "" || status.Code(f.answer) != t.From || !own && !t.Always {
		return nil, f.answer
	}
	f.rule = t.Rule
	ch.notes.Info("status code translated", "rule", t.Rule, "method", c.Name, "from", t.From.String(), "to", t.To.String(),
		"bucket", bound.Printable(c.Bucket, bound.Name), "account", bound.Printable(c.Account, bound.Name), "cause", f.cause.Error())
	if t.To == codes.OK {
		return t.Reply(), nil
	}
	f.answer = status.Error(t.To, status.Convert(f.answer).Message())
	return nil, f.answer
}
