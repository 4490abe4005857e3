package otlp

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/stats"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/foreign"
)

// Given holds what the author of a driver asks for.
type Given struct {
	Tracer    trace.TracerProvider // nil: as the environment says
	Meter     metric.MeterProvider // nil: as the environment says
	Reader    sdkmetric.Reader     // of a provider that is made for it; nil: there is none. Not with a Meter
	Global    bool                 // whether the provider of metrics becomes OpenTelemetry's global one
	IgnoreEnv bool
	Version   string // of the driver; "": what the go command recorded
}

// traces and measures name what the author gives for a signal; "" when that is nothing.
func (g Given) traces() string {
	if g.Tracer != nil {
		return "a provider"
	}
	return ""
}

func (g Given) measures() string {
	switch {
	case g.Meter != nil:
		return "a provider"
	case g.Reader != nil:
		return "a reader"
	}
	return ""
}

// DriverVersion returns the version that logs, spans and metrics tell.
func (g Given) DriverVersion() string { return cmp.Or(g.Version, buildinfo.Program()) }

// Check refuses malformed OTEL_* variables of the signals that the environment governs.
func (g Given) Check() error {
	var governed []Signal
	if !g.IgnoreEnv && g.traces() == "" {
		governed = append(governed, Traces)
	}
	if !g.IgnoreEnv && g.measures() == "" {
		governed = append(governed, Metrics)
	}
	return Check(governed...)
}

// Telemetry traces and measures the calls of a running driver. Off, it costs nothing.
type Telemetry struct {
	Handler     stats.Handler // nil when both signals are off
	Why         []any         // of each signal, as keys and values for a logger
	Instruments *Instruments  // nil when metrics are off

	providers *Providers
	serves    func(fullMethod string) bool // set before the first call
}

// Start makes what is asked for; nothing in it waits for a collector, and for providers of the author's own no longer than the
// limit. The caller must call Flush when there is no error.
func (g Given) Start(limit time.Duration, driver string, log logr.Logger) (*Telemetry, error) {
	tracing, metering := Decide(Traces, g.traces(), g.IgnoreEnv), Decide(Metrics, g.measures(), g.IgnoreEnv)
	t := &Telemetry{
		Why:       []any{"traces", tracing.String(), "metrics", metering.String()},
		providers: New(log, driver, g.DriverVersion()),
	}
	tracer, err := t.providers.Tracer(tracing, g.Tracer)
	meter, meterErr := t.providers.Meter(limit, metering, g.Meter, g.Reader)
	if err = errors.Join(err, meterErr); err == nil && (tracing.On() || metering.On()) {
		err = foreign.Within(limit, func() error { return t.instrument(tracer, meter, metering.On(), g.Global) })
	}
	if err != nil {
		t.providers.Flush()
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	t.providers.Keep(t.Instruments)
	if g.Tracer != nil || g.Meter != nil {
		t.Handler = Shield(t.Handler, t.Instruments, log)
	}
	return t, nil
}

func (t *Telemetry) instrument(tracer trace.TracerProvider, meter metric.MeterProvider, metering, global bool) (err error) {
	t.Handler = NewHandler(tracer, meter, func(fullMethod string) bool { return t.serves(fullMethod) })
	if metering && global {
		otel.SetMeterProvider(meter)
	}
	if metering {
		library := metric.WithInstrumentationVersion(buildinfo.Library())
		t.Instruments, err = NewInstruments(meter.Meter(buildinfo.ModulePath, library))
	}
	return err
}

// Serve tells what the driver serves, before its first call. Methods that it does not serve have no spans and no series.
func (t *Telemetry) Serve(s Served, serves func(fullMethod string) bool) {
	t.serves = serves
	t.Instruments.Serve(s)
}

// Flush delivers what is left and ends everything; it is called once, after the last call.
func (t *Telemetry) Flush() { t.providers.Flush() }
