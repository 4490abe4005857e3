package otlp

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Counters holds the library's own metrics. Safe for concurrent use.
type Counters struct {
	panics       metric.Int64Counter
	translations metric.Int64Counter
	attempt      func(func()) bool // calls a provider, which may be the author's
}

// NewCounters makes the counters.
func NewCounters(meter metric.Meter) (*Counters, error) {
	panics, err := meter.Int64Counter("grpc_req_panics_recovered_total",
		metric.WithDescription("Panics of handlers that were answered as INTERNAL, by method."))
	if err != nil {
		return nil, err
	}
	translations, err := meter.Int64Counter("gocosi.rpc.translations",
		metric.WithDescription("Status codes of handlers that were translated, by method and rule."))
	if err != nil {
		return nil, err
	}
	return &Counters{panics, translations, func(do func()) bool { do(); return true }}, nil
}

// Panic counts a call of a method that ended otherwise than by a return.
func (c *Counters) Panic(ctx context.Context, method string) {
	c.attempt(func() { c.panics.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method))) })
}

// Translation counts an answer whose code was translated by a rule.
func (c *Counters) Translation(ctx context.Context, method, rule string) {
	c.attempt(func() {
		c.translations.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method), attribute.String("rule", rule)))
	})
}
