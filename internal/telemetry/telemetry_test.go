package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/grpc/stats"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
	"github.com/doomshrine/gocosi/internal/telemetry"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// The bound on Flush, and what a busy machine may add to it.
const (
	bound = 5 * time.Second
	slack = 5 * time.Second
)

func protocols() []string { return []string{"grpc", "http/protobuf"} }

// logs keeps the lines of a logger. Safe for concurrent use.
type logs struct {
	mu   sync.Mutex
	text []string
}

func (l *logs) logger() logr.Logger {
	return funcr.New(func(_, line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.text = append(l.text, line)
	}, funcr.Options{Verbosity: 10})
}

// lines returns the lines that hold the text.
func (l *logs) lines(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.text {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

func eventually(t *testing.T, done func() bool, what string) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: ", what)
		}
	}
}

// setEnv sets variables for the rest of the test.
func setEnv(t *testing.T, values map[string]string) {
	t.Helper()
	for name, value := range values {
		t.Setenv(name, value)
	}
}

// start starts telemetry as the environment says; the test owes it a Flush.
func start(t *testing.T, c telemetry.Config, l *logs) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(context.Background(), c, "driver.example.com", "v1", l.logger())
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// call lets telemetry see a call.
func call(tel *telemetry.Telemetry) {
	ctx := tel.Handler.TagRPC(context.Background(), &stats.RPCTagInfo{FullMethodName: "/a.Service/Method"})
	tel.Handler.HandleRPC(ctx, &stats.Begin{BeginTime: time.Now()})
	tel.Handler.HandleRPC(ctx, &stats.End{BeginTime: time.Now(), EndTime: time.Now()})
}

// flush flushes, and says how long that took.
func flush(tel *telemetry.Telemetry) time.Duration {
	begin := time.Now()
	tel.Flush()
	return time.Since(begin)
}

func TestIsOnOnlyWhenAskedFor(t *testing.T) {
	const unnamed = "off: neither an exporter nor an OTLP endpoint is named"
	endpoint := otlptest.Down(t)
	for _, test := range []struct {
		name            string
		config          telemetry.Config
		env             map[string]string
		traces, metrics string
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
			traces: "on: OTEL_EXPORTER_OTLP_ENDPOINT is set", metrics: "on: OTEL_EXPORTER_OTLP_ENDPOINT is set",
		},
		{
			name:   "an endpoint for traces",
			env:    map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint},
			traces: "on: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set", metrics: unnamed,
		},
		{
			name:   "an endpoint for metrics",
			env:    map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": endpoint},
			traces: unnamed, metrics: "on: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is set",
		},
		{
			name:   "an exporter for traces",
			env:    map[string]string{"OTEL_TRACES_EXPORTER": "otlp"},
			traces: "on: OTEL_TRACES_EXPORTER is otlp", metrics: unnamed,
		},
		{
			name:   "an exporter for metrics",
			env:    map[string]string{"OTEL_METRICS_EXPORTER": "otlp"},
			traces: unnamed, metrics: "on: OTEL_METRICS_EXPORTER is otlp",
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
			traces: "off: OTEL_TRACES_EXPORTER is none", metrics: "off: OTEL_METRICS_EXPORTER is none",
		},
		{
			name: "disabled beats everything in the environment",
			env: map[string]string{
				"OTEL_SDK_DISABLED": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
				"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp",
			},
			traces: "off: OTEL_SDK_DISABLED is true", metrics: "off: OTEL_SDK_DISABLED is true",
		},
		{
			name:   "a given provider beats the environment",
			config: telemetry.Config{Tracer: nooptrace.NewTracerProvider()},
			env:    map[string]string{"OTEL_SDK_DISABLED": "true"},
			traces: "on: a provider is given", metrics: "off: OTEL_SDK_DISABLED is true",
		},
		{
			name:   "a given provider beats the author's own no",
			config: telemetry.Config{IgnoreEnv: true, Meter: noopmetric.NewMeterProvider()},
			env:    map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
			traces: "off: turned off by WithoutTelemetry", metrics: "on: a provider is given",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			setEnv(t, test.env)
			before := goleak.IgnoreCurrent()
			tel := start(t, test.config, &logs{})
			defer tel.Flush()
			want := []any{"traces", test.traces, "metrics", test.metrics}
			if fmt.Sprint(tel.Why...) != fmt.Sprint(want...) {
				t.Errorf("got  %q\nwant %q", tel.Why, want)
			}
			on := strings.HasPrefix(test.traces, "on") || strings.HasPrefix(test.metrics, "on")
			if (tel.Handler != nil) != on {
				t.Errorf("there is a handler: %t, telemetry is on: %t", tel.Handler != nil, on)
			}
			tel.CountPanic(t.Context(), "Method")
			tel.CountTranslation(t.Context(), "Method", "RULE-1")
			if err := goleak.Find(before); !on && err != nil {
				t.Error("goroutines although telemetry is off: ", err)
			}
		})
	}
}

func TestHealthAndReflectionAreNotTraced(t *testing.T) {
	receiver := otlptest.Start(t, "grpc")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	tel := start(t, telemetry.Config{}, &logs{})
	for _, method := range []string{
		"/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.healthy.Other/Call",
	} {
		ctx := tel.Handler.TagRPC(context.Background(), &stats.RPCTagInfo{FullMethodName: method})
		tel.Handler.HandleRPC(ctx, &stats.End{})
	}
	tel.Flush()
	if spans := receiver.Spans(); len(spans) != 1 || spans[0].GetName() != "grpc.healthy.Other/Call" {
		t.Errorf("spans: %v", spans)
	}
	if seen := receiver.Observations("rpc.server.call.duration", "rpc.method"); len(seen) != 1 {
		t.Errorf("measured: %v", seen)
	}
}

// A stop may come while the driver starts; then it is not a failure to start.
func TestStartsWhenItIsStoppedAlready(t *testing.T) {
	for _, protocol := range protocols() {
		t.Run(protocol, func(t *testing.T) {
			setEnv(t, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": otlptest.Down(t), "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
			})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			tel, err := telemetry.Start(ctx, telemetry.Config{}, "driver.example.com", "v1", logr.Discard())
			if err != nil {
				t.Fatal(err)
			}
			tel.Flush()
		})
	}
}

// brokenMeter has no counters.
type brokenMeter struct{ noopmetric.MeterProvider }

func (brokenMeter) Meter(string, ...metric.MeterOption) metric.Meter { return brokenCounters{} }

type brokenCounters struct{ noopmetric.Meter }

func (brokenCounters) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errors.New("no counters here")
}

// What was started before something failed is stopped again.
func TestFailedStartLeavesNothingBehind(t *testing.T) {
	secure := otlptest.StartTLS(t, "http/protobuf")
	for _, test := range []struct {
		name   string
		config telemetry.Config
		env    map[string]string
		want   string
	}{
		{
			name: "a certificate without TLS",
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE": secure.Certificate,
			},
			want: "telemetry: metrics: insecure",
		},
		{
			name: "a client's certificate without its key",
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_PROTOCOL":           "http/protobuf",
				"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": secure.Certificate, "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/nonexistent",
			},
			want: "OTEL_EXPORTER_OTLP_CLIENT_KEY: open /nonexistent",
		},
		{name: "a meter without counters", config: telemetry.Config{Meter: brokenMeter{}}, want: "no counters here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlptest.Down(t))
			setEnv(t, test.env)
			before := goleak.IgnoreCurrent()
			tel, err := telemetry.Start(t.Context(), test.config, "driver.example.com", "v1", logr.Discard())
			if tel != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v", tel, err)
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

// authors is a provider of an author's own, for both signals.
type authors struct {
	trace.TracerProvider
	forceFlush func(context.Context) error
	ended      bool
}

func newAuthors(forceFlush func(context.Context) error) *authors {
	return &authors{TracerProvider: nooptrace.NewTracerProvider(), forceFlush: forceFlush}
}

func (a *authors) ForceFlush(ctx context.Context) error { return a.forceFlush(ctx) }

func (a *authors) Shutdown(context.Context) error { a.ended = true; return nil }

type authorsMeter struct {
	noopmetric.MeterProvider
	*authors
}

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
		{name: "one ignores its context", metrics: quick, most: bound, line: "does not heed its context", lines: 1},
		{name: "both ignore their context", most: bound, line: "does not heed its context", lines: 1},
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
					return newAuthors(func(ctx context.Context) error {
						flushed <- struct{}{}
						if forceFlush == nil {
							<-release
							return nil
						}
						return forceFlush(ctx)
					})
				}
				tracer, meter := provider(test.traces), provider(test.metrics)
				l := &logs{}
				tel := start(t, telemetry.Config{Tracer: tracer, Meter: authorsMeter{authors: meter}}, l)
				if took := flush(tel); took > test.most {
					t.Errorf("took %s, at most %s", took, test.most)
				}
				if len(flushed) != 2 || tracer.ended || meter.ended {
					t.Errorf("%d of 2 flushed; shut down: %t, %t", len(flushed), tracer.ended, meter.ended)
				}
				if found := l.lines(test.line); test.lines != len(found) || len(l.lines("")) != test.lines {
					t.Errorf("%d lines hold %q, not %d: %q", len(found), test.line, test.lines, l.lines(""))
				}
			})
		})
	}
}
