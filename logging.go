package gocosi

import (
	"context"
	"net"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/drivername"
	"github.com/doomshrine/gocosi/internal/redact"
)

// Verbosity of the driver's lines.
const (
	levelChange  = 0 // a successful call that changed something
	levelRead    = 1 // any other successful call
	levelPayload = 5 // requests and responses, redacted
)

// logStart writes the line at start, and one for everything that is allowed but unwise.
func logStart(log logr.Logger, name string, addr net.Addr, s settings, t *telemetry) {
	fields := append([]any{
		"driver", name, "address", addr.Network() + "://" + addr.String(),
		"version", buildinfo.Program(), "gocosi", buildinfo.Library(),
	}, t.why...)
	if onSocket(addr) {
		fields = append(fields, permsFields(s.perms)...)
	}
	log.Info("driver listening", append(fields, "overridden", s.overridden)...)
	for _, reason := range drivername.Warnings(name) {
		log.Info("driver name is allowed but unwise", "reason", reason)
	}
	if onSocket(addr) {
		warnOfSocket(log, addr.String(), s.perms)
	}
}

// logged writes one line for each finished call, and its payload at verbosity 5.
func (ch *chain) logged(ctx context.Context, c *call) (any, error) {
	response, err := c.next(ctx)
	ch.logCall(ctx, c, response, err)
	if log := ch.log.V(levelPayload); log.Enabled() {
		request, _ := c.request.(proto.Message)
		answer, _ := response.(proto.Message)
		log.Info("payload", "method", c.Name, "request", redact.Message(request), "response", redact.Message(answer))
	}
	return response, err
}

// logCall writes the line of a finished call. Every failure goes to Error.
func (ch *chain) logCall(ctx context.Context, c *call, response any, err error) {
	if err != nil {
		ch.log.Error(c.failure.cause, "call failed", append(c.fields(ctx, status.Code(err)), c.failureFields()...)...)
		return
	}
	level := levelRead
	if c.method != nil && c.method.Changes {
		level = levelChange
	}
	log := ch.log.V(level)
	if !log.Enabled() {
		return
	}
	fields := c.fields(ctx, codes.OK)
	if c.method != nil && c.method.Result.Key != "" {
		fields = append(fields, c.method.Result.Key, c.method.Result.Value(response))
	}
	log.Info("call done", fields...)
}

// fields returns what every line of a call says.
func (c *call) fields(ctx context.Context, code codes.Code) []any {
	fields := append(make([]any, 0, 14), "method", c.Name, "code", code.String(), "duration", time.Since(c.Start).String())
	if c.Bucket != "" {
		fields = append(fields, "bucket", c.Bucket)
	}
	if c.Account != "" {
		fields = append(fields, "account", c.Account)
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		fields = append(fields, "trace_id", span.TraceID().String())
	}
	return fields
}

// failureFields returns what the line of a failed call adds.
func (c *call) failureFields() []any {
	fields := []any{"answer", c.failure.told}
	if c.expired {
		fields = append(fields, "limit", EnvCOSIRPCTimeout)
	}
	if c.failure.stack != "" {
		fields = append(fields, "stack", c.failure.stack)
	}
	return fields
}
