package gocosi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/stats"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/otlp"
)

// signals holds what the author asked for.
type signals struct {
	tracer    trace.TracerProvider // nil: as the environment says
	meter     metric.MeterProvider // nil: as the environment says
	ignoreEnv bool
}

// check refuses malformed OTEL_* variables of the signals that the environment governs.
func (s signals) check() error {
	var governed []otlp.Signal
	if !s.ignoreEnv && s.tracer == nil {
		governed = append(governed, otlp.Traces)
	}
	if !s.ignoreEnv && s.meter == nil {
		governed = append(governed, otlp.Metrics)
	}
	return otlp.Check(governed...)
}

// plan says how a signal gets its provider, and why.
type plan struct {
	given    bool
	protocol string // of the exporter; "": there is none
	why      string
}

// plan decides on a signal: a given provider wins over WithoutTelemetry, which wins over the environment.
func (s signals) plan(signal otlp.Signal, given bool) plan {
	switch {
	case given:
		return plan{given: true, why: "a provider is given"}
	case s.ignoreEnv:
		return plan{why: "turned off by WithoutTelemetry"}
	}
	protocol, why := otlp.Wanted(signal)
	return plan{protocol: protocol, why: why}
}

func (p plan) on() bool { return p.given || p.protocol != "" }

// String words the plan for the line at start.
func (p plan) String() string {
	if p.on() {
		return "on: " + p.why
	}
	return "off: " + p.why
}

// telemetry traces and counts the calls of a running driver. Off, it costs nothing.
type telemetry struct {
	handler stats.Handler // nil when both signals are off
	why     []any         // of each signal, as keys and values for a logger
	flush   func()        // delivers what is left; called once, after the last call

	panics       metric.Int64Counter
	translations metric.Int64Counter
}

// startTelemetry builds what is asked for; nothing in it waits for a collector. The caller must flush when there is no
// error.
func startTelemetry(s signals, driver string, log logr.Logger) (*telemetry, error) {
	tracing, metering := s.plan(otlp.Traces, s.tracer != nil), s.plan(otlp.Metrics, s.meter != nil)
	providers := otlp.New(log, driver, buildinfo.Program())
	tracer, err := tracing.tracerProvider(s.tracer, providers)
	meter, meterErr := metering.meterProvider(s.meter, providers)
	t := &telemetry{why: []any{"traces", tracing.String(), "metrics", metering.String()}, flush: providers.Flush}
	if err = errors.Join(err, meterErr); err == nil {
		err = t.makeCounters(meter.Meter(buildinfo.ModulePath))
	}
	if err != nil {
		providers.Flush()
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if tracing.on() || metering.on() {
		t.handler = newStatsHandler(tracer, meter)
	}
	return t, nil
}

func (p plan) tracerProvider(given trace.TracerProvider, providers *otlp.Providers) (trace.TracerProvider, error) {
	switch {
	case p.given:
		providers.FlushGiven(given)
		return given, nil
	case p.on():
		return providers.TracerProvider(p.protocol)
	}
	return nooptrace.NewTracerProvider(), nil
}

func (p plan) meterProvider(given metric.MeterProvider, providers *otlp.Providers) (metric.MeterProvider, error) {
	switch {
	case p.given:
		providers.FlushGiven(given)
		return given, nil
	case p.on():
		return providers.MeterProvider(p.protocol)
	}
	return noopmetric.NewMeterProvider(), nil
}

// newStatsHandler traces and measures every call but those of health and reflection. It sets the propagators, which otelgrpc
// would take from a global.
func newStatsHandler(tracer trace.TracerProvider, meter metric.MeterProvider) stats.Handler {
	return otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(tracer),
		otelgrpc.WithMeterProvider(meter),
		otelgrpc.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool {
			return !strings.HasPrefix(info.FullMethodName, "/grpc.health.") && !strings.HasPrefix(info.FullMethodName, "/grpc.reflection.")
		}),
	)
}

// makeCounters makes the library's own metrics.
func (t *telemetry) makeCounters(meter metric.Meter) (err error) {
	t.panics, err = meter.Int64Counter("grpc_req_panics_recovered_total",
		metric.WithDescription("Panics of handlers that were answered as INTERNAL, by method."))
	if err != nil {
		return err
	}
	t.translations, err = meter.Int64Counter("gocosi.rpc.translations",
		metric.WithDescription("Status codes of handlers that were translated, by method and rule."))
	return err
}

func (t *telemetry) countPanic(ctx context.Context, method string) {
	t.panics.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method)))
}

func (t *telemetry) countTranslation(ctx context.Context, method, rule string) {
	t.translations.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method), attribute.String("rule", rule)))
}
