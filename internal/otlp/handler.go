package otlp

import (
	"slices"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/stats"
)

// NewHandler traces and measures every call of a method that is served, but those of health and reflection. It sets the
// propagators, which otelgrpc would take from a global.
func NewHandler(tracer trace.TracerProvider, meter metric.MeterProvider, served func(fullMethod string) bool) stats.Handler {
	return otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(tracer),
		otelgrpc.WithMeterProvider(longCalls{meter}),
		otelgrpc.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return measured(info.FullMethodName) && served(info.FullMethodName) }),
	)
}

// longCalls is a provider whose durations of calls have boundaries up to the deadline and beyond: otelgrpc's end at 10 s. They are
// advice, which a view or a reader with another kind of histogram overrules.
type longCalls struct{ metric.MeterProvider }

// Meter implements [metric.MeterProvider].
func (p longCalls) Meter(name string, options ...metric.MeterOption) metric.Meter {
	return longMeter{p.MeterProvider.Meter(name, options...)}
}

type longMeter struct{ metric.Meter }

// Float64Histogram implements [metric.Meter].
func (m longMeter) Float64Histogram(name string, options ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	if name == "rpc.server.call.duration" {
		options = append(slices.Clip(options), metric.WithExplicitBucketBoundaries(secondsOf()...))
	}
	return m.Meter.Float64Histogram(name, options...)
}

// measured reports whether a method is neither of health nor of reflection.
func measured(fullMethod string) bool {
	return !strings.HasPrefix(fullMethod, "/grpc.health.") && !strings.HasPrefix(fullMethod, "/grpc.reflection.")
}
