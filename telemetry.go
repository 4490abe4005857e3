package gocosi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/stats"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/foreign"
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

// telemetry traces and counts the calls of a running driver. Off, it costs nothing.
type telemetry struct {
	handler stats.Handler            // nil when both signals are off
	why     []any                    // of each signal, as keys and values for a logger
	flush   func()                   // delivers what is left; called once, after the last call
	served  func(method string) bool // set before the first call

	counters *otlp.Counters // the library's own
}

// startTelemetry builds what is asked for; nothing in it waits for a collector. The caller must flush when there is no
// error.
func startTelemetry(s signals, driver string, log logr.Logger) (*telemetry, error) {
	tracing, metering := otlp.Decide(otlp.Traces, s.tracer != nil, s.ignoreEnv), otlp.Decide(otlp.Metrics, s.meter != nil, s.ignoreEnv)
	providers := otlp.New(log, driver, buildinfo.Program())
	tracer, err := providers.Tracer(tracing, s.tracer)
	meter, meterErr := providers.Meter(metering, s.meter)
	t := &telemetry{why: []any{"traces", tracing.String(), "metrics", metering.String()}, flush: providers.Flush}
	if err = errors.Join(err, meterErr); err == nil {
		err = foreign.Within(authorTimeout, func() error {
			if tracing.On() || metering.On() {
				t.handler = t.newStatsHandler(tracer, meter)
			}
			var failed error // not err: this may go on when it is late
			t.counters, failed = otlp.NewCounters(meter.Meter(buildinfo.ModulePath))
			return failed
		})
	}
	if err != nil {
		providers.Flush()
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if s.tracer != nil || s.meter != nil {
		t.handler = otlp.Shield(t.handler, t.counters, log)
	}
	return t, nil
}

// newStatsHandler traces and measures every call of a method that is served, but those of health and reflection. It sets the
// propagators, which otelgrpc would take from a global.
func (t *telemetry) newStatsHandler(tracer trace.TracerProvider, meter metric.MeterProvider) stats.Handler {
	return otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(tracer),
		otelgrpc.WithMeterProvider(meter),
		otelgrpc.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool {
			return !strings.HasPrefix(info.FullMethodName, "/grpc.health.") && !strings.HasPrefix(info.FullMethodName, "/grpc.reflection.") &&
				t.served(info.FullMethodName)
		}),
	)
}

// count counts what happened to a call that was answered already.
func (t *telemetry) count(ctx context.Context, name string, f *failure) {
	if f != nil && f.stack != "" {
		t.counters.Panic(ctx, name)
	}
	if f != nil && f.rule != "" {
		t.counters.Translation(ctx, name, f.rule)
	}
}
