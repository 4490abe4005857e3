package gocosi

import (
	"context"
	"net"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/drivername"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/otlp"
)

// Verbosity of the driver's lines.
const (
	levelChange  = 0 // a successful call that changed something
	levelRead    = 1 // any other successful call
	levelPayload = 5 // requests and responses, redacted
)

// logStart writes the line at start, and one for everything that is allowed but unwise.
func logStart(log logr.Logger, name, version string, addr net.Addr, s settings, t telemetry) {
	fields := append([]any{
		"driver", name, "address", addr.Network() + "://" + addr.String(),
		"version", version, "gocosi", buildinfo.Library(),
	}, t.Why...)
	if onSocket(addr) {
		fields = append(fields, permsFields(addr.String())...)
	}
	log.Info("driver listening", append(fields, "overridden", s.overridden)...)
	for _, u := range s.unknown {
		log.Info("variable is not known", u.Fields()...)
	}
	for _, reason := range drivername.Warnings(name) {
		log.Info("driver name is allowed but unwise", "reason", reason)
	}
	if onSocket(addr) {
		warnOfSocket(log, addr.String())
	}
}

// write writes the lines of a call, and releases its answer.
func (c *call) write(ctx context.Context, response any, shown map[string]any, f *failure, err error) {
	defer c.Written()
	if c.chain.log.GetSink() == nil {
		return // and read no clock
	}
	took := time.Since(c.Start)
	c.Writing(took)
	c.chain.logCall(ctx, c, took, response, f, err)
	c.chain.logPayload(c, shown)
}

// logPayload writes what a call carried. It was rendered before others could change it.
func (ch *chain) logPayload(c *call, response map[string]any) {
	if ch.payloads && !c.streams {
		ch.log.V(levelPayload).Info("payload", "method", c.Name, "request", c.shown, "response", response)
	}
}

// redacted renders a message for the log, when that shows any.
func (c *call) redacted(message any) map[string]any {
	m, _ := message.(proto.Message)
	if !c.chain.payloads || foreign.IsNil(m) {
		return nil
	}
	return c.method.Classes().Message(m)
}

// logCall writes the line of a finished call. Every failure goes to Error, but for the end of a stream that its caller or
// the drain ended.
func (ch *chain) logCall(ctx context.Context, c *call, took time.Duration, response any, f *failure, err error) {
	code := status.Code(err)
	ended := c.streams && (code == codes.Canceled && ctx.Err() != nil || code == codes.Unavailable && ch.ending.Load())
	if err != nil && !ended {
		ch.log.Error(f.cause, "call failed", append(c.fields(ctx, took, code), f.fields()...)...)
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
	fields := c.fields(ctx, took, code)
	if c.method != nil && c.method.Result.Key != "" {
		fields = append(fields, c.method.Result.Key, bound.Printable(c.method.Result.Value(response), bound.Name))
	}
	log.Info("call done", fields...)
}

// fields returns what every line of a call says.
func (c *call) fields(ctx context.Context, took time.Duration, code codes.Code) []any {
	fields := append(make([]any, 0, 14), "method", c.Name, "code", code.String(), "duration", took.String())
	if c.Bucket != "" {
		fields = append(fields, "bucket", bound.Printable(c.Bucket, bound.Name))
	}
	if c.Account != "" {
		fields = append(fields, "account", bound.Printable(c.Account, bound.Name))
	}
	if span := otlp.SpanContext(ctx); span.HasTraceID() {
		fields = append(fields, "trace_id", span.TraceID().String())
	}
	return fields
}

// fields returns what the line of a failed call adds.
func (f *failure) fields() []any {
	fields := []any{"answer", f.told}
	if f.expired {
		fields = append(fields, "limit", EnvCOSIRPCTimeout)
	}
	if f.stack != "" {
		fields = append(fields, "stack", f.stack)
	}
	return fields
}
