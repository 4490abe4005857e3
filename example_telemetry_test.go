package gocosi_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/go-logr/logr"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/doomshrine/gocosi"
)

// This example shows how a slog handler becomes the driver's logger. For zap, use zapr.NewLogger(z): see internal/test/examples.
func ExampleWithLogger() {
	keep := []string{slog.MessageKey, "method", "code", "bucket"} // other attributes differ from run to run
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if !slices.Contains(keep, a.Key) {
				return slog.Attr{}
			}
			return a
		},
	})
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &photos{},
		gocosi.WithLogger(logr.FromSlogHandler(handler)), gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
	if err != nil {
		fmt.Println(err)
		return
	}
	createPhotos(driver)
	// Output:
	// msg="driver listening"
	// msg="call done" method=DriverCreateBucket code=OK bucket=photos
	// msg=stopping
}

// This example shows a provider of metrics with a reader of OpenTelemetry's SDK. For Prometheus, the reader is the exporter of
// go.opentelemetry.io/otel/exporters/prometheus, and promhttp.Handler serves what it collects: see
// internal/test/examples.
func ExampleWithMeterProvider() {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &photos{},
		gocosi.WithMeterProvider(provider), gocosi.WithEnvironment(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	createPhotos(driver)

	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		fmt.Println(err)
	}
	for _, scope := range collected.ScopeMetrics {
		for _, metric := range scope.Metrics {
			if durations, ok := metric.Data.(metricdata.Histogram[float64]); ok {
				fmt.Println(metric.Name, durations.DataPoints[0].Count)
			}
		}
	}
	// Output: rpc.server.call.duration 1
}

// This example shows traces that go to a provider of the author's. Without one, the OTEL_* variables turn OTLP on.
func ExampleWithTracerProvider() {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter)) // Run flushes it; its shutdown is yours
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &photos{},
		gocosi.WithTracerProvider(provider), gocosi.WithEnvironment(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	createPhotos(driver)
	for _, span := range exporter.GetSpans() {
		fmt.Println(span.Name)
	}
	if err := provider.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: cosi.v1alpha1.Provisioner/DriverCreateBucket
}
