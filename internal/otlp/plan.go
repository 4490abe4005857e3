package otlp

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
)

// Plan says how a signal gets its provider, and why.
type Plan struct {
	given    bool
	protocol string // of the exporter; "": there is none
	why      string
}

// Decide plans a signal: what is given wins over turning the environment off, which wins over the environment.
func Decide(signal Signal, given string, ignoreEnv bool) Plan {
	switch {
	case given != "":
		return Plan{given: true, why: given + " is given"}
	case ignoreEnv:
		return Plan{why: "turned off by WithoutTelemetry"}
	}
	protocol, why := Wanted(signal)
	return Plan{protocol: protocol, why: why}
}

// On reports whether the signal is produced.
func (p Plan) On() bool { return p.given || p.protocol != "" }

// String words the plan for the line at start.
func (p Plan) String() string {
	if p.On() {
		return "on: " + p.why
	}
	return "off: " + p.why
}

// Tracer returns the given provider, one of the Providers' own, or one that does nothing.
func (p *Providers) Tracer(plan Plan, given trace.TracerProvider) (trace.TracerProvider, error) {
	switch {
	case plan.given:
		p.FlushGiven(given)
		return given, nil
	case plan.On():
		return p.TracerProvider(plan.protocol)
	}
	return nooptrace.NewTracerProvider(), nil
}

// Meter does the same for metrics, for which a reader may be given instead.
func (p *Providers) Meter(limit time.Duration, plan Plan, given metric.MeterProvider, reader sdkmetric.Reader) (metric.MeterProvider, error) {
	switch {
	case reader != nil:
		return p.ReaderProvider(limit, reader)
	case plan.given:
		p.flushers = append(p.flushers, func(ctx context.Context) error {
			return errors.Join(flushGiven(ctx, given), p.metrics.unregister())
		})
		return given, nil
	case plan.On():
		return p.MeterProvider(plan.protocol)
	}
	return noopmetric.NewMeterProvider(), nil
}
