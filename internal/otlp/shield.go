package otlp

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/stats"

	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/redact"
)

// patience limits how long a call waits for a provider of the author's own.
const patience = time.Second

// Shield keeps a stats handler over providers of the author's own from harming calls: what it does instead of returning is
// logged once, and one that does not return in time is not asked again. It shields the metrics too.
func Shield(handler stats.Handler, metrics *Instruments, log logr.Logger) stats.Handler {
	s := &shield{handler: handler, log: log}
	if metrics != nil {
		metrics.attempt = s.attempt
	}
	return s
}

type shield struct {
	handler stats.Handler
	log     logr.Logger
	told    atomic.Bool
	off     atomic.Bool
}

// attempt calls the handler in a goroutine of its own, and reports whether it returned.
func (s *shield) attempt(do func()) bool {
	if s.off.Load() {
		return false
	}
	err := foreign.Within(patience, func() error {
		do()
		return nil
	})
	if err == nil {
		return true
	}
	if errors.Is(err, foreign.ErrLate) {
		s.off.Store(true)
	}
	if !s.told.Swap(true) {
		s.log.Error(errors.New(redact.Text(err.Error(), nil)), "telemetry provider failed and calls go on without it")
	}
	return false
}

// TagRPC returns the handler's context, or the call's own.
func (s *shield) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return s.tag(ctx, func() context.Context {
		tagged := s.handler.TagRPC(ctx, info)
		return context.WithValue(tagged, shielded{}, trace.SpanContextFromContext(tagged))
	})
}

// shielded is the key of what a span of a provider of the author's own said of itself.
type shielded struct{}

// SpanContext returns the identity of a call's span without calling a provider of the author's own.
func SpanContext(ctx context.Context) trace.SpanContext {
	if span, ok := ctx.Value(shielded{}).(trace.SpanContext); ok {
		return span
	}
	return trace.SpanContextFromContext(ctx)
}

// HandleRPC passes an event on.
func (s *shield) HandleRPC(ctx context.Context, event stats.RPCStats) {
	s.attempt(func() { s.handler.HandleRPC(ctx, event) })
}

// TagConn returns the handler's context, or the connection's own.
func (s *shield) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return s.tag(ctx, func() context.Context { return s.handler.TagConn(ctx, info) })
}

// HandleConn passes an event on.
func (s *shield) HandleConn(ctx context.Context, event stats.ConnStats) {
	s.attempt(func() { s.handler.HandleConn(ctx, event) })
}

func (s *shield) tag(ctx context.Context, tag func() context.Context) context.Context {
	tagged := make(chan context.Context, 1)
	if s.attempt(func() { tagged <- tag() }) {
		return <-tagged
	}
	return ctx
}
