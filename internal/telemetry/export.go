package telemetry

import (
	"context"
	"errors"
	"sync"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/doomshrine/gocosi/internal/redact"
)

// exporters builds the SDK's providers over OTLP exporters.
type exporters struct {
	start           context.Context //nolint:containedctx // of the start, in which it is passed around
	exporting       context.Context //nolint:containedctx // the lifetime of all exports
	log             logr.Logger
	driver, version string
}

// tracerProvider returns a provider and how it is shut down. The SDK gets no deadline to do so: the guard ends exports
// in time, and then the SDK takes its goroutines with it.
func (e exporters) tracerProvider(protocol string) (_ *sdktrace.TracerProvider, shutdown func(context.Context) error, err error) {
	var exporter sdktrace.SpanExporter
	if protocol == protocolGRPC {
		exporter, err = otlptracegrpc.New(e.start)
	} else {
		exporter, err = otlptracehttp.New(e.start)
	}
	if err != nil {
		return nil, nil, err
	}
	g := &guard{log: e.log, signal: "traces", exporting: e.exporting}
	p := sdktrace.NewTracerProvider(sdktrace.WithResource(e.newResource()), sdktrace.WithBatcher(spanExporter{exporter, g}))
	return p, g.closing(p.Shutdown), nil
}

// meterProvider is tracerProvider for metrics.
func (e exporters) meterProvider(protocol string) (_ *sdkmetric.MeterProvider, shutdown func(context.Context) error, err error) {
	var exporter sdkmetric.Exporter
	if protocol == protocolGRPC {
		exporter, err = otlpmetricgrpc.New(e.start)
	} else {
		exporter, err = otlpmetrichttp.New(e.start)
	}
	if err != nil {
		return nil, nil, err
	}
	g := &guard{log: e.log, signal: "metrics", exporting: e.exporting}
	reader := sdkmetric.NewPeriodicReader(metricExporter{exporter, g})
	p := sdkmetric.NewMeterProvider(sdkmetric.WithResource(e.newResource()), sdkmetric.WithReader(reader))
	return p, g.closing(p.Shutdown), nil
}

// guard stands between the SDK and an exporter. Exports end when exporting does, and their failures go to the driver's
// log instead of the SDK's global handler: the first one, then the recovery; those between are counted.
type guard struct {
	log       logr.Logger
	signal    string
	exporting context.Context //nolint:containedctx // the lifetime of all exports, not of one call

	mu       sync.Mutex
	failures int // since the last success
}

// bounded runs do under a context that also ends with exporting.
func (g *guard) bounded(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(g.exporting, cancel)()
	return do(ctx)
}

func (g *guard) report(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err != nil:
		if g.failures == 0 {
			g.log.Error(masked(err), "telemetry cannot be exported; further failures are counted", "signal", g.signal)
		}
		g.failures++
	case g.failures > 0:
		g.log.Info("telemetry is exported again", "signal", g.signal, "failed_exports", g.failures)
		g.failures = 0
	}
}

// masked is err without the passwords of URLs.
func masked(err error) error { return errors.New(redact.Text(err.Error(), nil)) }

// closing is shutdown, followed by a line when telemetry was lost to the end.
func (g *guard) closing(shutdown func(context.Context) error) func(context.Context) error {
	return func(context.Context) error {
		err := shutdown(context.Background())
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.failures > 0 {
			g.log.Info("telemetry was lost", "signal", g.signal, "failed_exports", g.failures)
		}
		return err
	}
}

// spanExporter reports what its exporter answers, and tells the SDK nothing: that has no use for it.
type spanExporter struct {
	sdktrace.SpanExporter
	guard *guard
}

func (e spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.guard.report(e.guard.bounded(ctx, func(ctx context.Context) error { return e.SpanExporter.ExportSpans(ctx, spans) }))
	return nil
}

func (e spanExporter) Shutdown(ctx context.Context) error {
	return e.guard.bounded(ctx, e.SpanExporter.Shutdown)
}

// metricExporter is spanExporter for metrics.
type metricExporter struct {
	sdkmetric.Exporter
	guard *guard
}

func (e metricExporter) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	e.guard.report(e.guard.bounded(ctx, func(ctx context.Context) error { return e.Exporter.Export(ctx, data) }))
	return nil
}

func (e metricExporter) Shutdown(ctx context.Context) error {
	return e.guard.bounded(ctx, e.Exporter.Shutdown)
}
