// Package telemetry gives a driver traces and metrics: from providers of its author's own, or from OTLP exporters that
// the OTEL_* variables ask for. Off, it costs nothing. It sets no global of OpenTelemetry's and prints nothing.
package telemetry

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/stats"
)

// scopeName is the instrumentation scope of the driver's own counters.
const scopeName = "github.com/doomshrine/gocosi"

// Config is what an author asked for.
type Config struct {
	Tracer    trace.TracerProvider // nil: as the environment says
	Meter     metric.MeterProvider // nil: as the environment says
	IgnoreEnv bool
}

// Check refuses malformed OTEL_* variables of the signals that the environment governs.
func (c Config) Check() error {
	var signals []string
	if !c.IgnoreEnv && c.Tracer == nil {
		signals = append(signals, traces)
	}
	if !c.IgnoreEnv && c.Meter == nil {
		signals = append(signals, metrics)
	}
	return checkEnv(signals)
}

// plan decides on a signal: a given provider beats everything, WithoutTelemetry the environment.
func (c Config) plan(signal string, given bool) plan {
	switch {
	case given:
		return plan{on: true, why: "a provider is given"}
	case c.IgnoreEnv:
		return plan{why: "turned off by WithoutTelemetry"}
	}
	return planFromEnv(signal)
}

// Telemetry is what a running driver traces and counts with.
type Telemetry struct {
	// Handler traces and measures calls; nil when both signals are off.
	Handler stats.Handler
	// Why says of each signal whether it is on and why, as keys and values for a logger.
	Why []any

	panics       metric.Int64Counter
	translations metric.Int64Counter

	log      logr.Logger
	flushers []flusher
	hurry    context.CancelFunc // no export is tried again
	abandon  context.CancelFunc // ends exports under way
}

// flusher delivers what a provider holds.
type flusher = func(context.Context) error

// Start builds what is asked for; nothing in it waits for a collector. The caller owes a Flush when there is no error.
func Start(ctx context.Context, c Config, driver, version string, log logr.Logger) (*Telemetry, error) {
	ctx = context.WithoutCancel(ctx) // a driver that is stopped while it starts does not fail
	exporting, abandon := context.WithCancel(ctx)
	retrying, hurry := context.WithCancel(exporting)
	t := &Telemetry{log: log, hurry: hurry, abandon: abandon}
	tracing, metering := c.plan(traces, c.Tracer != nil), c.plan(metrics, c.Meter != nil)
	t.Why = []any{"traces", tracing.String(), "metrics", metering.String()}

	tracer, meter := c.Tracer, c.Meter
	e := exporters{exporting: exporting, retrying: retrying, log: log}
	if tracing.protocol != "" || metering.protocol != "" {
		e.resource = newResource(ctx, log, driver, version)
	}
	err := t.startTracer(&tracer, tracing, e)
	if err == nil {
		err = t.startMeter(&meter, metering, e)
	}
	if err == nil {
		err = t.count(meter.Meter(scopeName))
	}
	if err != nil {
		t.Flush()
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if tracing.on || metering.on {
		t.Handler = otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(tracer),
			otelgrpc.WithMeterProvider(meter),
			otelgrpc.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
			otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !plumbing(info.FullMethodName) }),
		)
	}
	return t, nil
}

// plumbing says whether a method is health or reflection: these are not traced.
func plumbing(fullMethod string) bool {
	return strings.HasPrefix(fullMethod, "/grpc.health.") || strings.HasPrefix(fullMethod, "/grpc.reflection.")
}

func (t *Telemetry) startTracer(tracer *trace.TracerProvider, p plan, e exporters) error {
	switch {
	case *tracer != nil:
		t.flushGiven(*tracer)
	case !p.on:
		*tracer = nooptrace.NewTracerProvider()
	default:
		provider, shutdown, err := e.tracerProvider(p.protocol)
		if err != nil {
			return fmt.Errorf("traces: %w", err)
		}
		*tracer = provider
		t.flushers = append(t.flushers, shutdown)
	}
	return nil
}

func (t *Telemetry) startMeter(meter *metric.MeterProvider, p plan, e exporters) error {
	switch {
	case *meter != nil:
		t.flushGiven(*meter)
	case !p.on:
		*meter = noopmetric.NewMeterProvider()
	default:
		provider, shutdown, err := e.meterProvider(p.protocol)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		*meter = provider
		t.flushers = append(t.flushers, shutdown)
	}
	return nil
}

// flushGiven delivers at the end what an author's provider holds, if it can be asked to; shutting it down is the author's.
func (t *Telemetry) flushGiven(provider any) {
	if p, ok := provider.(interface{ ForceFlush(context.Context) error }); ok {
		t.flushers = append(t.flushers, p.ForceFlush)
	}
}

// count makes the driver's own counters.
func (t *Telemetry) count(meter metric.Meter) (err error) {
	t.panics, err = meter.Int64Counter("grpc_req_panics_recovered_total",
		metric.WithDescription("Panics of handlers that were answered as INTERNAL, by method."))
	if err != nil {
		return err
	}
	t.translations, err = meter.Int64Counter("gocosi.rpc.translations",
		metric.WithDescription("Status codes of handlers that were translated, by method and rule."))
	return err
}

// CountPanic counts a panic of the method's handler.
func (t *Telemetry) CountPanic(ctx context.Context, method string) {
	t.panics.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method)))
}

// CountTranslation counts a status code of the method's handler that was translated under the rule.
func (t *Telemetry) CountTranslation(ctx context.Context, method, rule string) {
	t.translations.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method), attribute.String("rule", rule)))
}

const (
	// flushTimeout is how long Flush takes at most.
	flushTimeout = 5 * time.Second
	// exportTimeout is when Flush cancels the exports under way, so that the SDK's goroutines end before it does.
	exportTimeout = flushTimeout - 500*time.Millisecond
)

// Flush delivers what is left, all signals side by side, and gives up after five seconds. It is called once, when no
// call is left that could add to it.
func (t *Telemetry) Flush() {
	defer t.abandon()
	t.hurry()
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, t.abandon)()

	results := make(chan error, len(t.flushers))
	for _, flush := range t.flushers {
		go func() { results <- flush(ctx) }()
	}
	late := time.NewTimer(flushTimeout)
	defer late.Stop()
	for range t.flushers {
		select {
		case err := <-results:
			if err != nil {
				t.log.Error(masked(err), "telemetry was not flushed")
			}
		case <-late.C:
			t.log.Error(context.DeadlineExceeded, "a telemetry provider does not heed its context and is left behind")
			return
		}
	}
}
