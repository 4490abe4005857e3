package otlp_test

import (
	"context"
	"errors"
	"regexp"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/doomshrine/gocosi/internal/otlp"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
)

// evilMeter is a provider whose instruments and registrations misbehave.
type evilMeter struct {
	noopmetric.MeterProvider
	act func()
}

func (p evilMeter) Meter(string, ...metric.MeterOption) metric.Meter {
	return meterOfEvil{act: p.act}
}

type meterOfEvil struct {
	noopmetric.Meter
	act func()
}

type (
	evilCounter struct {
		noopmetric.Int64Counter
		act func()
	}
	evilHistogram struct {
		noopmetric.Float64Histogram
		act func()
	}
	evilRegistration struct {
		noopmetric.Registration
		act func()
	}
)

func (m meterOfEvil) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return evilCounter{act: m.act}, nil
}

func (m meterOfEvil) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return evilHistogram{act: m.act}, nil
}

func (m meterOfEvil) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return evilRegistration{act: m.act}, nil
}

func (c evilCounter) Add(context.Context, int64, ...metric.AddOption)           { c.act() }
func (h evilHistogram) Record(context.Context, float64, ...metric.RecordOption) { h.act() }
func (evilHistogram) Enabled(context.Context) bool                              { return true }
func (r evilRegistration) Unregister() error                                    { r.act(); return nil }

func given(meter metric.MeterProvider, log logr.Logger) (*otlp.Telemetry, error) {
	return otlp.Given{Meter: meter, IgnoreEnv: true}.Start(5*time.Second, "driver.example.com", log)
}

// TestInstrumentsOfTheAuthorsOwn has a provider that panics, ends the goroutine or does not return, in every instrument and
// at the end.
func TestInstrumentsOfTheAuthorsOwn(t *testing.T) {
	t.Parallel()
	const patience = time.Second
	uses := map[string]func(*otlp.Telemetry){
		"Serve":       func(e *otlp.Telemetry) { e.Serve(served(), func(string) bool { return true }) },
		"Panic":       func(e *otlp.Telemetry) { e.Instruments.Panic(context.Background(), "m") },
		"Translation": func(e *otlp.Telemetry) { e.Instruments.Translation(context.Background(), "m", "r") },
		"Request":     func(e *otlp.Telemetry) { e.Instruments.Request(context.Background(), "m", "r") },
		"Response":    func(e *otlp.Telemetry) { e.Instruments.Response(context.Background(), "m", "r") },
		"Missed":      func(e *otlp.Telemetry) { e.Instruments.Missed(context.Background(), "m", "n") },
		"Waited":      func(e *otlp.Telemetry) { e.Instruments.Waited(context.Background(), "m", time.Now(), true) },
	}
	for name, use := range uses {
		for deed, within := range map[string]time.Duration{"panics": 0, "exits": 0, "blocks": patience} {
			t.Run(name+" "+deed, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					defer close(release)
					l := &harness.Logs{}
					e, err := given(evilMeter{act: func() {
						switch deed {
						case "panics":
							panic("villainy")
						case "exits":
							runtime.Goexit()
						}
						<-release
					}}, l.Logger())
					if err != nil {
						t.Fatal(err)
					}
					begin := time.Now()
					use(e)
					use(e)
					if took := time.Since(begin); took != within {
						t.Errorf("it took %s, want %s: one that does not return is not asked again", took, within)
					}
					if lines := l.Lines("telemetry provider failed"); len(lines) != 1 {
						t.Errorf("got lines %q, want one", lines)
					}
					begin = time.Now()
					e.Flush()
					if took := time.Since(begin); took > bound {
						t.Errorf("the end took %s, want at most %s", took, bound)
					}
				})
			})
		}
	}
}

// served describes a driver with one method, of no generation of COSI.
func served() otlp.Served {
	services := map[string]grpc.ServiceInfo{"a.Service": {Methods: []grpc.MethodInfo{{Name: "Method"}}}}
	return otlp.Served{
		Services: services, Calls: func() map[string]int { return nil },
		Unserved: func() int64 { return 0 }, Ready: func() bool { return true },
	}
}

// readerOfOwn is a provider that keeps the callback, and calls it when the test wants.
type readerOfOwn struct {
	noopmetric.MeterProvider
	meter *meterOfReader
}

func (p readerOfOwn) Meter(string, ...metric.MeterOption) metric.Meter { return p.meter }

type meterOfReader struct {
	noopmetric.Meter
	noopmetric.Registration
	noopmetric.Observer
	callback     metric.Callback
	observed     int
	unregistered bool
}

func (m *meterOfReader) RegisterCallback(f metric.Callback, _ ...metric.Observable) (metric.Registration, error) {
	m.callback = f
	return m, nil
}

func (m *meterOfReader) Unregister() error { m.unregistered = true; return nil }

func (m *meterOfReader) ObserveInt64(metric.Int64Observable, int64, ...metric.ObserveOption) {
	m.observed++
}

// TestReaderAsksAtAnyTime has a reader that calls back before the driver serves, and after its end.
func TestReaderAsksAtAnyTime(t *testing.T) {
	t.Parallel()
	m := &meterOfReader{}
	e, err := given(readerOfOwn{meter: m}, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	read := func(when string, want bool) {
		m.observed = 0
		if err := m.callback(t.Context(), m); err != nil || (m.observed > 0) != want {
			t.Errorf("%s: %d values and %v, want values: %t", when, m.observed, err, want)
		}
	}
	read("before", false)
	e.Serve(served(), func(string) bool { return true })
	read("during", true)
	e.Flush()
	read("after", false)
	if !m.unregistered {
		t.Error("the callback is still registered, want it unregistered")
	}
}

// failingMeter fails to make one kind of instrument.
type failingMeter struct {
	noopmetric.MeterProvider
	kind string
}

var errNone = errors.New("none of that kind")

func (m failingMeter) Meter(string, ...metric.MeterOption) metric.Meter {
	return failingInstruments{kind: m.kind}
}

type failingInstruments struct {
	noopmetric.Meter
	kind string
}

func (m failingInstruments) fails(kind string) error {
	if m.kind == kind {
		return errNone
	}
	return nil
}

func (m failingInstruments) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return noopmetric.Int64Counter{}, m.fails("counter")
}

func (m failingInstruments) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	if name == duration {
		return noopmetric.Float64Histogram{}, nil // otelgrpc tells OpenTelemetry's global handler
	}
	return noopmetric.Float64Histogram{}, m.fails("histogram")
}

func (m failingInstruments) Int64ObservableUpDownCounter(
	string, ...metric.Int64ObservableUpDownCounterOption,
) (metric.Int64ObservableUpDownCounter, error) {
	return noopmetric.Int64ObservableUpDownCounter{}, m.fails("up-down counter")
}

func (m failingInstruments) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return noopmetric.Registration{}, m.fails("callback")
}

// TestInstrumentsThatCannotBeMade has a provider that refuses.
func TestInstrumentsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"counter", "histogram", "up-down counter", "callback"} {
		if _, err := given(failingMeter{kind: kind}, logr.Discard()); !errors.Is(err, errNone) {
			t.Errorf("%s: got %v, want the provider's error", kind, err)
		}
	}
}

// TestOffMakesNothing checks that there is neither a handler nor an instrument without telemetry, and no instrument without
// metrics.
func TestOffMakesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given   otlp.Given
		handler bool
	}{
		"off":    {given: otlp.Given{IgnoreEnv: true}},
		"traces": {given: otlp.Given{IgnoreEnv: true, Tracer: nooptrace.NewTracerProvider()}, handler: true},
	} {
		e, err := test.given.Start(time.Second, "driver.example.com", logr.Discard())
		if err != nil {
			t.Fatal(err)
		}
		if e.Instruments != nil || (e.Handler != nil) != test.handler {
			t.Errorf("%s: instruments %v, handler %v", name, e.Instruments, e.Handler)
		}
		e.Serve(served(), func(string) bool { return true })
		e.Instruments.Panic(t.Context(), "m")
		e.Instruments.Translation(t.Context(), "m", "r")
		e.Instruments.Request(t.Context(), "m", "r")
		e.Instruments.Response(t.Context(), "m", "r")
		e.Instruments.Missed(t.Context(), "m")
		e.Instruments.Waited(t.Context(), "m", time.Now(), true)
		e.Flush()
	}
}

// TestOwnExports looks at what a collector gets of a driver that did nothing: counters at 0, and a resource of its own.
func TestOwnExports(t *testing.T) {
	for _, protocol := range protocols() {
		t.Run(protocol, func(t *testing.T) {
			receiver := otlptest.Start(t, protocol)
			setEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
			run := func() {
				e, err := otlp.Given{}.Start(5*time.Second, "driver.example.com", logr.Discard())
				if err != nil {
					t.Fatal(err)
				}
				e.Serve(served(), func(string) bool { return true })
				e.Flush()
			}
			run()
			if got, ok := receiver.Counter(panics)["a.Service/Method"]; !ok || got != 0 {
				t.Errorf("panics are %d (there: %t), want a series at 0", got, ok)
			}
			if got := receiver.Counter("gocosi.driver.ready"); len(got) != 1 || got[""] != 1 {
				t.Errorf("readiness is %v, want 1", got)
			}
			run()
			ids := receiver.Resource("service.instance.id")
			if len(ids) != 2 {
				t.Errorf("the instances are %q, want two", ids)
			}
			for _, id := range ids {
				if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
					t.Errorf("an instance is %q, want a random UUID", id)
				}
			}
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-1")
			run()
			if ids := receiver.Resource("service.instance.id"); len(ids) != 3 || ids[2] != "pod-1" {
				t.Errorf("the instances are %q, want the one of the environment last", ids)
			}
			if names := receiver.Resource("service.name"); len(names) != 1 || names[0] != "driver.example.com" {
				t.Errorf("the services are %q, want the driver", names)
			}
		})
	}
}

// TestDurationsReachBeyondTheDeadline compares the boundaries that a collector gets, which an exponential histogram has not.
func TestDurationsReachBeyondTheDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"explicit":    {want: true},
		"exponential": {env: map[string]string{"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"}},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := otlptest.Start(t, "grpc")
			setEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL})
			setEnv(t, test.env)
			e := start(t, &harness.Logs{})
			handler := otlp.NewHandler(e.tracer, e.meter, func(string) bool { return true })
			ctx := handler.TagRPC(t.Context(), &stats.RPCTagInfo{FullMethodName: "/a.Service/Method"})
			handler.HandleRPC(ctx, &stats.End{EndTime: time.Now()})
			e.Flush()
			bounds := receiver.Bounds(duration)
			if got := slices.Contains(bounds, 10) && slices.Contains(bounds, 120) && slices.Max(bounds) > 120; got != test.want {
				t.Errorf("the boundaries are %v, want some up to the deadline of 120 s and beyond: %t", bounds, test.want)
			}
		})
	}
}
