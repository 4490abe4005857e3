package telemetry

import (
	"context"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporters builds the SDK's providers over OTLP exporters.
type exporters struct {
	exporting context.Context //nolint:containedctx // the lifetime of all exports
	retrying  context.Context //nolint:containedctx // the time in which an export is tried again
	log       logr.Logger
	resource  *resource.Resource
}

// tracerProvider returns a provider and how it is shut down.
func (e exporters) tracerProvider(protocol string) (*sdktrace.TracerProvider, flusher, error) {
	g := e.newGuard(traces)
	exporter, err := e.spanExporter(protocol, g)
	if err != nil {
		return nil, nil, err
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithResource(e.resource), sdktrace.WithBatcher(spanExporter{exporter, g}))
	return p, g.closing(p.Shutdown), nil
}

func (e exporters) spanExporter(protocol string, g *guard) (sdktrace.SpanExporter, error) {
	if protocol == protocolGRPC {
		return otlptracegrpc.New(e.exporting, otlptracegrpc.WithDialOption(g.dialOption()))
	}
	client, err := g.httpClient()
	if err != nil {
		return nil, err
	}
	return otlptracehttp.New(e.exporting, otlptracehttp.WithHTTPClient(client))
}

// meterProvider is tracerProvider for metrics.
func (e exporters) meterProvider(protocol string) (*sdkmetric.MeterProvider, flusher, error) {
	g := e.newGuard(metrics)
	exporter, err := e.metricExporter(protocol, g)
	if err != nil {
		return nil, nil, err
	}
	reader := sdkmetric.NewPeriodicReader(metricExporter{exporter, g})
	p := sdkmetric.NewMeterProvider(sdkmetric.WithResource(e.resource), sdkmetric.WithReader(reader))
	return p, g.closing(func(ctx context.Context) error {
		// Shutdown alone could meet the reader at the beginning of a collection, and the SDK would print that. A flush
		// leaves it at rest, and everything delivered; its failure is the guard's to tell.
		_ = p.ForceFlush(ctx)
		g.done = true
		return p.Shutdown(ctx)
	}), nil
}

func (e exporters) metricExporter(protocol string, g *guard) (sdkmetric.Exporter, error) {
	if protocol == protocolGRPC {
		return otlpmetricgrpc.New(e.exporting, otlpmetricgrpc.WithDialOption(g.dialOption()))
	}
	client, err := g.httpClient()
	if err != nil {
		return nil, err
	}
	return otlpmetrichttp.New(e.exporting, otlpmetrichttp.WithHTTPClient(client))
}

// newResource names the service after the driver; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word.
func newResource(ctx context.Context, log logr.Logger, driver, version string) *resource.Resource {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", driver), attribute.String("service.version", version)),
		resource.WithFromEnv())
	if err != nil {
		log.Error(err, "part of OTEL_RESOURCE_ATTRIBUTES is ignored")
	}
	return res
}

// spanExporter tells its guard what its exporter answers, and the SDK nothing: that has no use for it.
type spanExporter struct {
	sdktrace.SpanExporter
	guard *guard
}

func (e spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.guard.export(ctx, func(ctx context.Context) error { return e.SpanExporter.ExportSpans(ctx, spans) })
	return nil
}

// metricExporter is spanExporter for metrics.
type metricExporter struct {
	sdkmetric.Exporter
	guard *guard
}

func (e metricExporter) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	if e.guard.done {
		return nil
	}
	e.guard.export(ctx, func(ctx context.Context) error { return e.Exporter.Export(ctx, data) })
	return nil
}
