package gocosi_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// telemetryCanary fills the variables that hold secrets.
const telemetryCanary = "canary-7f3a"

// The bound on flushing telemetry, and the additional time of a busy machine.
const (
	flushBound = 5 * time.Second
)

func TestStartLineSaysWhetherThereIsTelemetryAndWhy(t *testing.T) {
	receiver := otlptest.Start(t, "grpc")
	for _, test := range []struct {
		name      string
		variables map[string]string
		options   []gocosi.Option
		want      string
	}{
		{
			name:      "off",
			variables: map[string]string{"OTEL_SERVICE_NAME": "x"},
			want:      `"traces"="off: neither an exporter nor an OTLP endpoint is named" "metrics"="off: neither`,
		},
		{
			name:      "on",
			variables: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL, "OTEL_METRICS_EXPORTER": "none"},
			want:      `"traces"="on: OTEL_EXPORTER_OTLP_ENDPOINT is set" "metrics"="off: OTEL_METRICS_EXPORTER is none"`,
		},
		{
			name:      "off by an option",
			variables: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL},
			options:   []gocosi.Option{gocosi.WithoutTelemetry()},
			want:      `"traces"="off: turned off by WithoutTelemetry" "metrics"="off: turned off`,
		},
		{
			name:      "on by an option",
			variables: map[string]string{"OTEL_SDK_DISABLED": "true"},
			options:   []gocosi.Option{gocosi.WithMeterProvider(noopmetric.NewMeterProvider())},
			want:      `"traces"="off: OTEL_SDK_DISABLED is true" "metrics"="on: a provider is given"`,
		},
		{
			name:      "a tracer on by an option",
			variables: map[string]string{"OTEL_SDK_DISABLED": "true"},
			options:   []gocosi.Option{gocosi.WithTracerProvider(nooptrace.NewTracerProvider())},
			want:      `"traces"="on: a provider is given" "metrics"="off: OTEL_SDK_DISABLED is true"`,
		},
		{
			name:      "on by one option, off by another",
			variables: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL},
			options:   []gocosi.Option{gocosi.WithoutTelemetry(), gocosi.WithMeterProvider(noopmetric.NewMeterProvider())},
			want:      `"traces"="off: turned off by WithoutTelemetry" "metrics"="on: a provider is given"`,
		},
		{
			name:      "on for a reader",
			variables: map[string]string{"OTEL_METRICS_EXPORTER": "prometheus"},
			options:   []gocosi.Option{gocosi.WithMetricReader(sdkmetric.NewManualReader())},
			want:      `"traces"="off: neither an exporter nor an OTLP endpoint is named" "metrics"="on: a reader is given"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.variables {
				t.Setenv(name, value)
			}
			l := &harness.Logs{}
			d := harness.Start(t, &harness.Handlers{}, append(test.options, gocosi.WithLogger(l.Logger()))...)
			if line := l.Wait(t, "driver listening"); !strings.Contains(line, test.want) {
				t.Errorf("got %s\nwant %s", line, test.want)
			}
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
		})
	}
	if n := receiver.Exports(); n != 0 {
		t.Errorf("%d exports, want none", n)
	}
}

// TestReader compares what a reader of the author's gets with what a provider of the environment's has: the driver's resource, and
// boundaries beyond the deadline. The end of the driver ends the reader.
func TestReader(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	replaced, reader := sdkmetric.NewManualReader(), sdkmetric.NewManualReader()
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithMetricReader(replaced),
		gocosi.WithMeterProvider(noopmetric.NewMeterProvider()), gocosi.WithVersion("v1.2.3"), gocosi.WithMetricReader(reader))
	if err := d.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got metricdata.ResourceMetrics
	harness.Eventually(t, func() bool {
		return reader.Collect(t.Context(), &got) == nil && len(durations(got)) > 0
	}, "no duration, want the one of the call")
	attributes := got.Resource.Set()
	for name, want := range map[attribute.Key]string{
		"service.name": "test.example.com", "service.version": "v1.2.3", "deployment.environment.name": "test",
	} {
		if value, _ := attributes.Value(name); value.AsString() != want {
			t.Errorf("the resource has %s=%q, want %q", name, value.AsString(), want)
		}
	}
	if !attributes.HasValue("service.instance.id") {
		t.Error("the resource has no service.instance.id, want one")
	}
	if bounds := durations(got)[0].Bounds; !slices.Contains(bounds, 120) || slices.Max(bounds) <= 120 {
		t.Errorf("the boundaries are %v, want some up to the deadline of 120 s and beyond", bounds)
	}
	if err := replaced.Collect(t.Context(), &got); err == nil {
		t.Error("the reader that another option replaced is registered")
	}
	if err := d.Wait(t); err != nil {
		t.Error(err)
	}
	if err := reader.Collect(t.Context(), &got); !errors.Is(err, sdkmetric.ErrReaderShutdown) {
		t.Errorf("a collection after the end: %v, want %v", err, sdkmetric.ErrReaderShutdown)
	}
}

// TestReaderThatCannotBeHad fails the start, and leaves nothing behind.
func TestReaderThatCannotBeHad(t *testing.T) {
	ofAnother, ended := sdkmetric.NewManualReader(), sdkmetric.NewManualReader()
	sdkmetric.NewMeterProvider(sdkmetric.WithReader(ofAnother))
	if err := harness.Start(t, &harness.Handlers{}, gocosi.WithMetricReader(ended)).Wait(t); err != nil {
		t.Fatal(err)
	}
	for name, reader := range map[string]sdkmetric.Reader{
		"of another provider":       ofAnother,
		"ended with an earlier run": ended,
		"a reader without anything": struct{ sdkmetric.Reader }{},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(harness.ShortDir(t), "cosi.sock")
			driver := harness.New(t, path, &harness.Handlers{}, gocosi.WithMetricReader(reader))
			const want = "telemetry: metrics: WithMetricReader: "
			if err := driver.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v; want %q in it", err, want)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("the socket is there, want nothing left behind")
			}
		})
	}
}

// durations returns the durations of calls, by method and code.
func durations(data metricdata.ResourceMetrics) (points []metricdata.HistogramDataPoint[float64]) {
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if histogram, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == "rpc.server.call.duration" {
				points = append(points, histogram.DataPoints...)
			}
		}
	}
	return points
}

// TestGlobalMeterProvider counts with an instrument that was made before the driver ran, as a client's instrumentation does. The
// global provider is left alone while metrics are off, and when nobody asks for it.
func TestGlobalMeterProvider(t *testing.T) {
	const name = "store.requests"
	counter, err := otel.Meter("store").Int64Counter(name)
	if err != nil {
		t.Fatal(err)
	}
	before := otel.GetMeterProvider()
	reader := sdkmetric.NewManualReader()
	for _, options := range [][]gocosi.Option{
		{gocosi.WithGlobalMeterProvider(), gocosi.WithoutTelemetry()},
		{gocosi.WithMetricReader(sdkmetric.NewManualReader())},
		{gocosi.WithGlobalMeterProvider(), gocosi.WithoutTelemetry(), gocosi.WithMetricReader(reader)},
	} {
		if otel.GetMeterProvider() != before {
			t.Error("the global provider was replaced, want it left alone")
		}
		d := harness.Start(t, &harness.Handlers{}, options...)
		if err := d.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		counter.Add(t.Context(), 1)
		if len(options) < 3 { // the last one goes on
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
		}
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		if scope.Scope.Name != "store" {
			continue
		}
		if sum, ok := scope.Metrics[0].Data.(metricdata.Sum[int64]); !ok || sum.DataPoints[0].Value != 1 {
			t.Errorf("the reader has %+v, want the event since the driver ran", scope.Metrics[0])
		}
		return
	}
	t.Errorf("the reader has %d scopes and none of the store's", len(data.ScopeMetrics))
}

// Without telemetry, a call has no additional costs. A handler with no-op providers allocates about 20 times for each
// call. The test allows less than a quarter of that for timers and buffers outside of the call.
func TestTelemetryThatIsOffCostsNothing(t *testing.T) {
	const noise = 4
	t.Setenv("OTEL_SERVICE_NAME", "x")
	unasked := allocationsPerCall(t)
	without := allocationsPerCall(t, gocosi.WithoutTelemetry())
	given := allocationsPerCall(t, gocosi.WithTracerProvider(nooptrace.NewTracerProvider()))
	t.Logf("allocations for each call: %v unasked, %v without, %v with a provider that does nothing", unasked, without, given)
	if unasked > without+noise {
		t.Errorf("%v allocations for each call, want %v as with WithoutTelemetry", unasked, without)
	}
	if given <= without+noise {
		t.Errorf("%v allocations with a handler and %v without one, want a difference that the test can see", given, without)
	}
}

// allocationsPerCall returns the number of allocations for each call, of the client and the server together.
func allocationsPerCall(t *testing.T, options ...gocosi.Option) float64 {
	t.Helper()
	client := cosi.NewIdentityClient(harness.Start(t, &harness.Handlers{}, options...).Conn)
	ctx := harness.Timeout(t)
	return testing.AllocsPerRun(500, func() {
		if _, err := client.DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{}); err != nil {
			t.Error(err)
		}
	})
}

// TestMetricsCostCalls compares the allocations of a call with metrics and without, in the chain alone: what otelgrpc allocates
// is its own. The provider of the author's own goes through a shield.
func TestMetricsCostCalls(t *testing.T) {
	if raced.On {
		t.Skip("the race detector allocates")
	}
	const more = 2
	off := allocationsInChain(t, gocosi.WithoutTelemetry())
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	given := allocationsInChain(t, gocosi.WithMeterProvider(provider))
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", otlptest.Start(t, "grpc").URL)
	own := allocationsInChain(t)
	t.Logf("allocations in the chain for each call: %v off, %v with a provider, %v with our own", off, given, own)
	if off > 4 {
		t.Errorf("%v allocations with metrics off, want 4 at most", off)
	}
	if given > off+more || own > off+more {
		t.Errorf("%v allocations with metrics off, %v with a provider, %v with our own; want %d more at most", off, given, own, more)
	}
}

// allocationsInChain returns the number of allocations in the chain for each call that creates a bucket.
func allocationsInChain(t *testing.T, options ...gocosi.Option) float64 {
	t.Helper()
	serve := harness.Chain(t, options...).Method(harness.CreateMethod, nil)
	handlers := &harness.Handlers{Create: answerAtOnce}
	decode := func(request any) error {
		request.(*cosi.DriverCreateBucketRequest).Name = "bucket"
		return nil
	}
	return testing.AllocsPerRun(500, func() {
		if _, err := serve(handlers, t.Context(), decode, nil); err != nil {
			t.Error(err)
		}
	})
}

// otelSignals says which signals a variable governs.
type otelSignals struct{ traces, metrics bool }

// otelRefusals lists malformed variables with the accepted values that the error must name.
func otelRefusals(t *testing.T) []otelRefusal {
	t.Helper()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const url, pairs, pem, number = "http://localhost:4317", "name=value", "PEM", "want a whole number"
	values := map[string][][2]string{ // the value and the accepted values, by the end of the variable's name
		"ENDPOINT": {
			{"collector:4317", url},
			{"collector", url},
			{"http://", url},
			{"unix:///collector.sock", url},
			{"ftp://user:" + telemetryCanary + "@collector", url},
			{"http://user:" + telemetryCanary + "@", url},
			{"http://user:" + telemetryCanary + "%zz@collector", url},
			{"http://user:x " + telemetryCanary + "@collector", url},
			{`http://user:x"` + telemetryCanary + "@collector:x", url},
			{"http://user:a@" + telemetryCanary + "@collector:x", url},
		},
		"PROTOCOL": {{"http", "grpc or http/protobuf"}, {"http/json", "grpc or http/protobuf"}, {"GRPC", "grpc or http/protobuf"}},
		"HEADERS": {
			{telemetryCanary, pairs},
			{"=" + telemetryCanary, pairs},
			{"a b=" + telemetryCanary, pairs},
			{"a=" + telemetryCanary + "%zz", pairs},
			{"a=" + telemetryCanary + "%0Ab", pairs},
			{"a=b," + telemetryCanary, pairs},
			{"a=" + telemetryCanary + ",", pairs},
		},
		"CERTIFICATE": {{"/nonexistent/ca.pem", pem}, {empty, pem}},
		"COMPRESSION": {{"zip", "gzip or none"}, {"GZIP", "gzip or none"}},
		"TIMEOUT":     {{"10s", number}, {"-1", number}, {"1.5", number}, {"99999999999", number}},
	}
	var all []otelRefusal
	for infix, s := range map[string]otelSignals{"": {true, true}, "TRACES_": {traces: true}, "METRICS_": {metrics: true}} {
		for name, rows := range values {
			for _, row := range rows {
				all = append(all, otelRefusal{"OTEL_EXPORTER_OTLP_" + infix + name, row[0], row[1], s})
			}
		}
	}
	for name, s := range map[string]otelSignals{"OTEL_TRACES_EXPORTER": {traces: true}, "OTEL_METRICS_EXPORTER": {metrics: true}} {
		for _, value := range []string{"prometheus", "console", "otlp,none", "OTLP"} {
			all = append(all, otelRefusal{name, value, "otlp or none", s}, otelRefusal{name, value, "WithTracerProvider, WithMeterProvider or WithMetricReader", s})
		}
	}
	return all
}

type otelRefusal struct {
	variable, value, accepted string
	governs                   otelSignals
}

func TestNewRefusesMalformedVariables(t *testing.T) {
	tracer := gocosi.WithTracerProvider(nooptrace.NewTracerProvider())
	meter := gocosi.WithMeterProvider(noopmetric.NewMeterProvider())
	for _, test := range otelRefusals(t) {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			for _, row := range []struct {
				name    string
				options []gocosi.Option
				refused bool
			}{
				{name: "no option", refused: true},
				{name: "without telemetry", options: []gocosi.Option{gocosi.WithoutTelemetry()}},
				{name: "a tracer", options: []gocosi.Option{tracer}, refused: test.governs.metrics},
				{name: "a meter", options: []gocosi.Option{meter}, refused: test.governs.traces},
				{name: "both", options: []gocosi.Option{tracer, meter}},
				{name: "without telemetry, but a tracer", options: []gocosi.Option{gocosi.WithoutTelemetry(), tracer}},
			} {
				driver, err := otelDriver(row.options...)
				if (err != nil) != row.refused || (driver == nil) != row.refused {
					t.Errorf("%s: got %v, %v", row.name, driver, err)
				}
				if err == nil {
					continue
				}
				text := err.Error()
				if !strings.Contains(text, test.variable) || !strings.Contains(text, test.accepted) || strings.Contains(text, telemetryCanary) {
					t.Errorf("%s: got %q, which must name %s and %q, and hold no secret", row.name, text, test.variable, test.accepted)
				}
			}
			t.Setenv("OTEL_SDK_DISABLED", "true")
			if _, err := otelDriver(); err != nil {
				t.Errorf("disabled: %v", err)
			}
		})
	}
}

func otelDriver(options ...gocosi.Option) (*gocosi.Driver, error) {
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil)}, options...)
	return gocosi.New(gocosi.NewIdentity("test.example.com"), &harness.Handlers{}, options...)
}

func TestNewNamesAllMalformedVariablesAtOnce(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "smoke")
	t.Setenv("OTEL_METRICS_EXPORTER", "pigeon")
	_, err := otelDriver(gocosi.WithDefaultEndpoint("nowhere"))
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_METRICS_EXPORTER", "WithDefaultEndpoint",
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
}

func TestNewAcceptsWellFormedVariables(t *testing.T) {
	secure := otlptest.StartTLS(t, "http/protobuf")
	for name, values := range map[string][]string{
		"ENDPOINT":    {"http://localhost:4317", "https://collector/base", "HTTP://[::1]:4318", " http://collector "},
		"PROTOCOL":    {"grpc", "http/protobuf", " grpc"},
		"HEADERS":     {"a=b", "a=b,c=d%20e", "a=", " a = b , c=d=e", "authorization=Basic%20eA=="},
		"CERTIFICATE": {secure.Certificate},
		"COMPRESSION": {"gzip", "none"},
		"TIMEOUT":     {"0", "10000"},
	} {
		for _, infix := range []string{"", "TRACES_", "METRICS_"} {
			for _, value := range append(values, "", " ") {
				t.Run(infix+name+"="+value, func(t *testing.T) {
					t.Setenv("OTEL_EXPORTER_OTLP_"+infix+name, value)
					if _, err := otelDriver(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// metricSink counts exports of metrics.
type metricSink struct {
	sdkmetric.Exporter
	mu    sync.Mutex
	count int
	ended bool
}

func (*metricSink) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

func (*metricSink) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (e *metricSink) Export(context.Context, *metricdata.ResourceMetrics) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	return nil
}

func (*metricSink) ForceFlush(context.Context) error { return nil }

func (e *metricSink) Shutdown(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	return nil
}

func (e *metricSink) state() (count int, ended bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count, e.ended
}

func TestGivenProvidersBeatTheEnvironmentAndLiveOn(t *testing.T) {
	receiver := otlptest.Start(t, "grpc")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon") // the library must ignore it
	spans := tracetest.NewInMemoryExporter()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	values := &metricSink{}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(values)))
	t.Cleanup(func() {
		if err := errors.Join(tracer.Shutdown(context.Background()), meter.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})

	for run := 1; run <= 2; run++ { // the second run shows that the first did not shut them down
		d := harness.Start(t, &harness.Handlers{}, gocosi.WithTracerProvider(tracer), gocosi.WithMeterProvider(meter))
		if _, err := cosi.NewIdentityClient(d.Conn).DriverGetInfo(harness.Timeout(t), &cosi.DriverGetInfoRequest{}); err != nil {
			t.Fatal(err)
		}
		if err := d.Wait(t); err != nil {
			t.Fatal(err)
		}
		if got := spans.GetSpans(); len(got) != run || got[0].Name != "cosi.v1alpha1.Identity/DriverGetInfo" {
			t.Errorf("run %d: spans %v", run, got)
		}
		if count, ended := values.state(); count != run || ended {
			t.Errorf("run %d: metrics were exported %d times; shut down: %t", run, count, ended)
		}
	}
	if n := receiver.Exports(); n != 0 {
		t.Errorf("%d exports went to the environment's collector, want none", n)
	}
}

// deafProvider provides both signals and ignores the context of a flush.
type deafProvider struct{ released chan struct{} }

func (d deafProvider) ForceFlush(context.Context) error { <-d.released; return nil }

type (
	deafTracer struct {
		nooptrace.TracerProvider
		deafProvider
	}
	deafMeter struct {
		noopmetric.MeterProvider
		deafProvider
	}
)

func TestGivenProviderThatIgnoresItsContextDoesNotHoldUpRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deafProvider{released: make(chan struct{})}
		defer close(d.released)
		l := &harness.Logs{}
		driver, err := otelDriver(gocosi.WithLogger(l.Logger()),
			gocosi.WithTracerProvider(deafTracer{deafProvider: d}), gocosi.WithMeterProvider(deafMeter{deafProvider: d}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		begin := time.Now()
		if err := driver.Serve(ctx, bufconn.Listen(1)); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin) - time.Minute; took > flushBound {
			t.Errorf("the end took %s, want at most %s", took, flushBound)
		}
		if lines := l.Lines("ignores its context"); len(lines) != 1 {
			t.Errorf("%d lines, want one", len(lines))
		}
	})
}

func TestSetsNoGlobal(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlptest.Start(t, "grpc").URL)
	globals := func() [4]any {
		return [4]any{otel.GetTracerProvider(), otel.GetMeterProvider(), otel.GetTextMapPropagator(), otel.GetErrorHandler()}
	}
	before := globals()
	for name, options := range map[string][]gocosi.Option{
		"environment": nil,
		"given": {
			gocosi.WithTracerProvider(nooptrace.NewTracerProvider()), gocosi.WithMeterProvider(noopmetric.NewMeterProvider()),
		},
	} {
		d := harness.Start(t, &harness.Handlers{}, options...)
		if _, err := cosi.NewIdentityClient(d.Conn).DriverGetInfo(harness.Timeout(t), &cosi.DriverGetInfoRequest{}); err != nil {
			t.Fatal(err)
		}
		during := globals()
		if err := d.Wait(t); err != nil {
			t.Fatal(err)
		}
		if during != before || globals() != before {
			t.Errorf("%s: got %v and %v, want %v", name, during, globals(), before)
		}
	}
}

// brokenMeter fails to create counters.
type brokenMeter struct{ noopmetric.MeterProvider }

func (brokenMeter) Meter(string, ...metric.MeterOption) metric.Meter { return brokenCounters{} }

type brokenCounters struct{ noopmetric.Meter }

func (brokenCounters) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errors.New("no counters here")
}

// A failure stops everything that started before it.
func TestFailedStartLeavesNothingBehind(t *testing.T) {
	secure := otlptest.StartTLS(t, "http/protobuf")
	for _, test := range []struct {
		name    string
		options []gocosi.Option
		env     map[string]string // set when New has looked at it
		want    string
	}{
		{
			name: "an exporter cannot be made",
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE": secure.Certificate,
			},
			want: "telemetry: metrics: insecure",
		},
		{
			name:    "a meter without counters",
			options: []gocosi.Option{gocosi.WithMeterProvider(brokenMeter{})},
			want:    "telemetry: no counters here",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlptest.Down(t))
			driver := harness.New(t, filepath.Join(harness.ShortDir(t), "cosi.sock"), &harness.Handlers{}, test.options...)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			before := goleak.IgnoreCurrent()
			if err := driver.Run(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q in it", err, test.want)
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHealthAndReflectionAreNotTraced(t *testing.T) {
	receiver := otlptest.Start(t, "grpc")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	echo := &harness.Echo{Unary: func(context.Context) (*wrapperspb.StringValue, error) { return wrapperspb.String("x"), nil }}
	healthy := &grpc.ServiceDesc{ // the name begins like the health service's
		ServiceName: "grpc.healthy.Other", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
			return &emptypb.Empty{}, nil
		}}},
	}
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithReflection(), gocosi.WithServices(echo.Register),
		gocosi.WithServices(func(r grpc.ServiceRegistrar) { r.RegisterService(healthy, nil) }))

	if _, err := d.Health(t, ""); err != nil {
		t.Error(err)
	}
	if _, err := d.Health(t, "unknown"); status.Code(err) != codes.NotFound {
		t.Errorf("got %v; want NOT_FOUND", err)
	}
	callReflection(t, d.Conn)
	if _, err := harness.CallUnary(t, d.Conn); err != nil {
		t.Error(err)
	}
	if err := d.Conn.Invoke(harness.Timeout(t), "/grpc.healthy.Other/Call", &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
		t.Error(err)
	}
	if err := d.Wait(t); err != nil {
		t.Fatal(err)
	}

	var names []string
	for _, span := range receiver.Spans() {
		names = append(names, span.GetName())
	}
	slices.Sort(names) // a call may end after the next call begins
	if got, want := strings.Join(names, " "), "grpc.healthy.Other/Call test.Echo/Unary"; got != want {
		t.Errorf("got spans %q; want %q", got, want)
	}
	seen := receiver.Observations("rpc.server.call.duration", "rpc.method")
	if len(seen) != 2 || seen["test.Echo/Unary"] != 1 || seen["grpc.healthy.Other/Call"] != 1 {
		t.Errorf("got durations %v; want one of each span's method", seen)
	}
}

// callReflection asks the driver for its services.
func callReflection(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(harness.Timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	if err := errors.Join(stream.Send(request), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v; want the end", err)
	}
}

// stoppingIdentity ends the driver's context while the driver starts.
type stoppingIdentity struct {
	cosi.UnimplementedIdentityServer

	stop context.CancelFunc
}

func (i *stoppingIdentity) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	i.stop()
	return &cosi.DriverGetInfoResponse{Name: "test.example.com"}, nil
}

// A stop during the start is not a failure.
func TestStartsWhenItIsStoppedAlready(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlptest.Down(t))
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			ctx, stop := context.WithCancel(t.Context())
			driver, err := gocosi.New(&stoppingIdentity{stop: stop}, &harness.Handlers{}, gocosi.WithEnvironment(nil))
			if err != nil {
				t.Fatal(err)
			}
			if err := driver.Serve(ctx, bufconn.Listen(1)); err != nil {
				t.Error(err)
			}
		})
	}
}
