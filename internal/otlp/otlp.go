// Package otlp makes OpenTelemetry's providers over OTLP exporters from the OTEL_* variables, and ends them within a
// bound. It prints nothing, and sets no
// global of OpenTelemetry's that it is not asked to.
package otlp

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/doomshrine/gocosi/internal/foreign"
)

const (
	// flushTimeout limits how long Flush takes.
	flushTimeout = 5 * time.Second
	// exportTimeout is when Flush cancels the exports under way, so that the SDK's goroutines end before it does.
	exportTimeout = flushTimeout - 500*time.Millisecond
)

// Providers makes providers and remembers how to end them. Its methods are not safe for concurrent use.
type Providers struct {
	exporting context.Context //nolint:containedctx // the lifetime of all exports
	retrying  context.Context //nolint:containedctx // the time in which a failed export is tried again
	abandon   context.CancelFunc
	hurry     context.CancelFunc

	log      logr.Logger
	driver   string
	version  string
	resource *resource.Resource // made for the first provider
	flushers []flusher
	metrics  *Instruments // nil: there are none
}

// flusher delivers what a provider holds.
type flusher = func(context.Context) error

// New returns Providers without a provider. The resource of its providers names the driver and its version, unless OTEL_SERVICE_NAME or
// OTEL_RESOURCE_ATTRIBUTES do. The caller must call Flush.
func New(log logr.Logger, driver, version string) *Providers {
	exporting, abandon := context.WithCancel(context.Background())
	retrying, hurry := context.WithCancel(exporting)
	return &Providers{
		exporting: exporting, retrying: retrying, abandon: abandon, hurry: hurry,
		log: log, driver: driver, version: version,
	}
}

// FlushGiven lets Flush deliver what a provider of the author's own holds, if that can be asked to. Shutting it down is the
// author's task.
func (p *Providers) FlushGiven(provider any) {
	p.flushers = append(p.flushers, func(ctx context.Context) error { return flushGiven(ctx, provider) })
}

func flushGiven(ctx context.Context, provider any) error {
	if f, ok := provider.(interface{ ForceFlush(context.Context) error }); ok {
		return f.ForceFlush(ctx)
	}
	return nil
}

// Keep lets Flush end the metrics. It is called at most once.
func (p *Providers) Keep(m *Instruments) { p.metrics = m }

// Flush delivers what is left, all providers side by side, shuts down its own, and gives up after five seconds. It is
// called once, when no call is left that could add to it.
func (p *Providers) Flush() {
	defer p.abandon()
	defer p.metrics.hide()
	p.hurry()
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, p.abandon)()

	results := make(chan error, len(p.flushers))
	for _, flush := range p.flushers {
		go func() { results <- <-foreign.Go(func() error { return flush(ctx) }) }()
	}
	p.await(results)
}

// await logs what the flushers return, and once if one is late.
func (p *Providers) await(results <-chan error) {
	late := time.NewTimer(flushTimeout)
	defer late.Stop()
	for range p.flushers {
		select {
		case err := <-results:
			if err != nil {
				p.log.Error(masked(err), "telemetry was not flushed")
			}
		case <-late.C:
			p.log.Error(context.DeadlineExceeded, "telemetry provider ignores its context and is abandoned")
			return
		}
	}
}
