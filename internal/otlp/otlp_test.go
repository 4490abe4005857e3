package otlp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/doomshrine/gocosi/internal/otlp"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// The bound on Flush, and the additional time of a busy machine.
const (
	bound = 5 * time.Second
	slack = 5 * time.Second
)

func protocols() []string { return []string{"grpc", "http/protobuf"} }

// setEnv sets variables for the rest of the test.
func setEnv(t *testing.T, values map[string]string) {
	t.Helper()
	for name, value := range values {
		t.Setenv(name, value)
	}
}

// The instruments of a driver.
const (
	duration     = "rpc.server.call.duration"
	panics       = "gocosi.rpc.panics"
	translations = "gocosi.rpc.translations"
)

// exports records telemetry with the providers that the environment configures.
type exports struct {
	*otlp.Providers
	tracer trace.TracerProvider
	meter  metric.MeterProvider
}

// try creates the providers that the environment configures, as a driver does. After a failure, it leaves nothing
// behind.
func try(log logr.Logger) (*exports, error) {
	e := &exports{
		Providers: otlp.New(log, "driver.example.com", "v1"),
		tracer:    nooptrace.NewTracerProvider(), meter: noopmetric.NewMeterProvider(),
	}
	var err, meterErr error
	if protocol, _ := otlp.Wanted(otlp.Traces); protocol != "" {
		e.tracer, err = e.TracerProvider(protocol)
	}
	if protocol, _ := otlp.Wanted(otlp.Metrics); protocol != "" {
		e.meter, meterErr = e.MeterProvider(protocol)
	}
	if err = errors.Join(err, meterErr); err != nil {
		e.Flush()
	}
	return e, err
}

// start creates the providers that the environment configures. The test must flush them.
func start(t *testing.T, l *harness.Logs) *exports {
	t.Helper()
	e, err := try(l.Logger())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// call records a call with its span and its duration.
func (e *exports) call(t *testing.T) {
	t.Helper()
	histogram, err := e.meter.Meter("test").Float64Histogram(duration)
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := e.tracer.Tracer("test").Start(context.Background(), "a.Service/Method")
	histogram.Record(ctx, 1, metric.WithAttributes(attribute.String("rpc.method", "a.Service/Method")))
	span.End()
}

// count adds one to a counter.
func (e *exports) count(t *testing.T, name string, attributes ...attribute.KeyValue) {
	t.Helper()
	counter, err := e.meter.Meter("test").Int64Counter(name)
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 1, metric.WithAttributes(attributes...))
}

// timedFlush flushes the providers and returns how long that took.
func (e *exports) timedFlush() time.Duration {
	begin := time.Now()
	e.Flush()
	return time.Since(begin)
}

func TestIsOnOnlyWhenAskedFor(t *testing.T) {
	type decision struct{ protocol, why string }
	on := func(why string) decision { return decision{"grpc", why} }
	off := func(why string) decision { return decision{"", why} }
	unnamed := off("neither an exporter nor an OTLP endpoint is named")
	endpoint := otlptest.Down(t)
	for _, test := range []struct {
		name            string
		env             map[string]string
		traces, metrics decision
	}{
		{name: "nothing is set", traces: unnamed, metrics: unnamed},
		{
			name:   "only a service's name",
			env:    map[string]string{"OTEL_SERVICE_NAME": "x", "OTEL_RESOURCE_ATTRIBUTES": "a=b"},
			traces: unnamed, metrics: unnamed,
		},
		{
			name:   "an endpoint for all",
			env:    map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
			traces: on("OTEL_EXPORTER_OTLP_ENDPOINT is set"), metrics: on("OTEL_EXPORTER_OTLP_ENDPOINT is set"),
		},
		{
			name:   "an endpoint for traces",
			env:    map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint},
			traces: on("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set"), metrics: unnamed,
		},
		{
			name:   "an endpoint for metrics",
			env:    map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": endpoint},
			traces: unnamed, metrics: on("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is set"),
		},
		{
			name:   "an exporter for traces",
			env:    map[string]string{"OTEL_TRACES_EXPORTER": "otlp"},
			traces: on("OTEL_TRACES_EXPORTER is otlp"), metrics: unnamed,
		},
		{
			name:   "an exporter for metrics",
			env:    map[string]string{"OTEL_METRICS_EXPORTER": "otlp"},
			traces: unnamed, metrics: on("OTEL_METRICS_EXPORTER is otlp"),
		},
		{
			name:   "white space is nothing",
			env:    map[string]string{"OTEL_TRACES_EXPORTER": " ", "OTEL_EXPORTER_OTLP_ENDPOINT": "\t"},
			traces: unnamed, metrics: unnamed,
		},
		{
			name: "none beats an endpoint",
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none",
			},
			traces: off("OTEL_TRACES_EXPORTER is none"), metrics: off("OTEL_METRICS_EXPORTER is none"),
		},
		{
			name: "disabled beats everything in the environment",
			env: map[string]string{
				"OTEL_SDK_DISABLED": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
				"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp",
			},
			traces: off("OTEL_SDK_DISABLED is true"), metrics: off("OTEL_SDK_DISABLED is true"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			setEnv(t, test.env)
			for signal, want := range map[otlp.Signal]decision{otlp.Traces: test.traces, otlp.Metrics: test.metrics} {
				if protocol, why := otlp.Wanted(signal); (decision{protocol, why}) != want {
					t.Errorf("%s: got %q, %q; want %q, %q", signal, protocol, why, want.protocol, want.why)
				}
			}
			before := goleak.IgnoreCurrent()
			e := start(t, &harness.Logs{})
			defer e.Flush()
			e.call(t)
			if err := goleak.Find(before); test.traces.protocol == "" && test.metrics.protocol == "" && err != nil {
				t.Error("goroutines without any export, want none: ", err)
			}
		})
	}
}

// A failure shuts down the providers that were created before it.
func TestFailedStartLeavesNothingBehind(t *testing.T) {
	secure := otlptest.StartTLS(t, "http/protobuf")
	for _, test := range []struct {
		name            string
		env             map[string]string
		traces, metrics bool // whether the provider exists
		want            string
	}{
		{
			name: "a certificate without TLS",
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE": secure.Certificate,
			},
			traces: true,
			want:   "metrics: insecure",
		},
		{
			name: "a client's certificate without its key",
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_PROTOCOL":           "http/protobuf",
				"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": secure.Certificate, "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/nonexistent",
			},
			want: "OTEL_EXPORTER_OTLP_CLIENT_KEY: they do not load",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlptest.Down(t))
			setEnv(t, test.env)
			before := goleak.IgnoreCurrent()
			e, err := try(logr.Discard())
			if (e.tracer != nil) != test.traces || (e.meter != nil) != test.metrics {
				t.Errorf("got a tracer %v and a meter %v; want one: %t and %t", e.tracer, e.meter, test.traces, test.metrics)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q in it", err, test.want)
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

// authors imitates a provider of an author.
type authors struct {
	forceFlush func(context.Context) error
	ended      bool
}

func (a *authors) ForceFlush(ctx context.Context) error { return a.forceFlush(ctx) }

func (a *authors) Shutdown(context.Context) error { a.ended = true; return nil }

func TestGivenProvidersAreFlushedWithinTheBound(t *testing.T) {
	t.Parallel()
	obeys := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	quick := func(context.Context) error { return nil }
	for _, test := range []struct {
		name            string
		traces, metrics func(context.Context) error // nil: ignores its context
		most            time.Duration
		line            string
		lines           int
	}{
		{name: "nothing to do", traces: quick, metrics: quick},
		{name: "one cannot deliver", traces: obeys, metrics: quick, most: bound, line: "telemetry was not flushed", lines: 1},
		{name: "neither can deliver", traces: obeys, metrics: obeys, most: bound, line: "telemetry was not flushed", lines: 2},
		{name: "one ignores its context", metrics: quick, most: bound, line: "ignores its context and is abandoned", lines: 1},
		{name: "both ignore their context", most: bound, line: "ignores its context and is abandoned", lines: 1},
		{
			name:   "one fails",
			traces: func(context.Context) error { return errors.New("post https://user:canary-1@collector: no") }, metrics: quick,
			line: "post https://user:[redacted]@collector: no", lines: 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				defer close(release)
				flushed := make(chan struct{}, 2)
				provider := func(forceFlush func(context.Context) error) *authors {
					return &authors{forceFlush: func(ctx context.Context) error {
						flushed <- struct{}{}
						if forceFlush == nil {
							<-release
							return nil
						}
						return forceFlush(ctx)
					}}
				}
				tracer, meter := provider(test.traces), provider(test.metrics)
				l := &harness.Logs{}
				e := &exports{Providers: otlp.New(l.Logger(), "driver.example.com", "v1")}
				e.FlushGiven(tracer)
				e.FlushGiven(nooptrace.NewTracerProvider()) // cannot be flushed
				e.FlushGiven(meter)
				if took := e.timedFlush(); took > test.most {
					t.Errorf("took %s; want at most %s", took, test.most)
				}
				if len(flushed) != 2 || tracer.ended || meter.ended {
					t.Errorf("%d of 2 flushed; shut down: %t, %t", len(flushed), tracer.ended, meter.ended)
				}
				if found := l.Lines(test.line); test.lines != len(found) || len(l.Lines()) != test.lines {
					t.Errorf("got %d lines with %q; want %d and no other: %q", len(found), test.line, test.lines, l.Lines())
				}
			})
		})
	}
}
