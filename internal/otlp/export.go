package otlp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/doomshrine/gocosi/internal/foreign"
)

// TracerProvider makes a provider whose spans go to an OTLP exporter of the protocol; Flush shuts it down.
func (p *Providers) TracerProvider(protocol string) (trace.TracerProvider, error) {
	g := p.newGuard(Traces)
	exporter, err := p.spanExporter(protocol, g)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(p.describe()), sdktrace.WithBatcher(spanExporter{exporter, g}))
	p.flushers = append(p.flushers, g.closing(provider.Shutdown))
	return provider, nil
}

func (p *Providers) spanExporter(protocol string, g *guard) (sdktrace.SpanExporter, error) {
	if protocol == protocolGRPC {
		return otlptracegrpc.New(p.exporting, otlptracegrpc.WithDialOption(g.dialOption()))
	}
	client, err := g.httpClient()
	if err != nil {
		return nil, err
	}
	return otlptracehttp.New(p.exporting, otlptracehttp.WithHTTPClient(client))
}

// MeterProvider makes a provider whose metrics go to an OTLP exporter of the protocol; Flush shuts it down.
func (p *Providers) MeterProvider(protocol string) (metric.MeterProvider, error) {
	g := p.newGuard(Metrics)
	exporter, err := p.metricExporter(protocol, g)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	reader := sdkmetric.NewPeriodicReader(metricExporter{exporter, g})
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(p.describe()), sdkmetric.WithReader(reader))
	p.flushers = append(p.flushers, g.closing(func(ctx context.Context) error {
		// Shutdown alone could meet the reader at the beginning of a collection, and the SDK would print that. A flush
		// leaves it at rest, and everything delivered; its failure is the guard's to tell.
		_ = provider.ForceFlush(ctx)
		g.done = true
		return provider.Shutdown(ctx)
	}))
	return provider, nil
}

// ReaderProvider makes a provider for a reader of the author's within a limit; Flush shuts both down.
func (p *Providers) ReaderProvider(limit time.Duration, reader sdkmetric.Reader) (metric.MeterProvider, error) {
	var provider *sdkmetric.MeterProvider
	resource := p.describe()
	err := foreign.Within(limit, func() error {
		// A reader takes one provider, and the SDK prints that it does not take another.
		if err := reader.Collect(p.exporting, &metricdata.ResourceMetrics{}); !errors.Is(err, sdkmetric.ErrReaderNotRegistered) {
			return errors.New("it is of another provider, or has ended with an earlier run")
		}
		provider = sdkmetric.NewMeterProvider(sdkmetric.WithResource(resource), sdkmetric.WithReader(reader))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("metrics: WithMetricReader: %w; want a new reader for each run", err)
	}
	p.flushers = append(p.flushers, provider.Shutdown)
	return provider, nil
}

func (p *Providers) metricExporter(protocol string, g *guard) (sdkmetric.Exporter, error) {
	if protocol == protocolGRPC {
		return otlpmetricgrpc.New(p.exporting, otlpmetricgrpc.WithDialOption(g.dialOption()))
	}
	client, err := g.httpClient()
	if err != nil {
		return nil, err
	}
	return otlpmetrichttp.New(p.exporting, otlpmetrichttp.WithHTTPClient(client))
}

// describe names the service after the driver, and gives this instance of it an id that no other has;
// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word.
func (p *Providers) describe() *resource.Resource {
	if p.resource != nil {
		return p.resource
	}
	res, err := resource.New(p.exporting,
		resource.WithTelemetrySDK(),
		resource.WithService(), // the id; its name is replaced
		resource.WithAttributes(attribute.String("service.name", p.driver), attribute.String("service.version", p.version)),
		resource.WithFromEnv())
	if err != nil {
		p.log.Error(err, "part of OTEL_RESOURCE_ATTRIBUTES is ignored")
	}
	p.resource = res
	return res
}

// spanExporter tells its guard what its exporter answers. The SDK has no use for it and learns nothing.
type spanExporter struct {
	sdktrace.SpanExporter
	guard *guard
}

func (e spanExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	e.guard.export(ctx, func(ctx context.Context) error { return e.SpanExporter.ExportSpans(ctx, spans) })
	return nil
}

// metricExporter does the same for metrics.
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
