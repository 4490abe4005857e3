package otlp

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The attributes of the library's own metrics. A method is named as otelgrpc names it, so that all series of it can be joined.
const (
	methodKey     = attribute.Key("rpc.method")
	ruleKey       = attribute.Key("gocosi.rule")
	versionKey    = attribute.Key("gocosi.driver.version")
	libraryKey    = attribute.Key("gocosi.library.version")
	generationKey = attribute.Key("gocosi.generation")
)

// secondsOf are the boundaries of durations: those of the conventions for RPC, and what lies between them and twice the
// deadline of a call, for its turn and its handler may take one each.
func secondsOf() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 240}
}

// Instruments holds the library's own instruments. Methods are named in full, without the slash at the front. A nil one measures
// nothing. Safe for concurrent use.
type Instruments struct {
	panics       metric.Int64Counter
	translations metric.Int64Counter
	missed       metric.Int64Counter
	requests     metric.Int64Counter
	responses    metric.Int64Counter
	busy         metric.Int64Counter
	waits        metric.Float64Histogram

	active   metric.Int64ObservableUpDownCounter
	unserved metric.Int64ObservableCounter
	ready    metric.Int64ObservableUpDownCounter
	build    metric.Int64ObservableUpDownCounter

	registration metric.Registration
	served       atomic.Pointer[Served] // nil before the driver serves, and after its end
	attempt      func(func()) bool      // calls a provider, which may be the author's
}

// NewInstruments makes the instruments.
func NewInstruments(meter metric.Meter) (*Instruments, error) {
	m := &Instruments{attempt: func(do func()) bool { do(); return true }}
	makes := maker{meter: meter}
	m.active = makes.upDown("gocosi.rpc.active_calls", "{call}", "Calls under way.")
	m.panics = makes.counter("gocosi.rpc.panics", "Calls that ended otherwise than by a return and were answered as INTERNAL.")
	m.translations = makes.counter("gocosi.rpc.translations", "Calls whose status code was translated by a rule.")
	m.missed = makes.counter("gocosi.rpc.missed_deadlines", "Calls whose handler did not return by their deadline.")
	m.requests = makes.counter("gocosi.rpc.request.refusals", "Calls whose request broke a rule.")
	m.responses = makes.counter("gocosi.rpc.response.refusals", "Calls whose answer broke a rule.")
	m.busy = makes.counter("gocosi.bucket.refusals", "Calls that gave up waiting for the turn of a bucket.")
	m.waits = makes.seconds("gocosi.bucket.wait_time", "How long calls waited for the turn of a bucket that another call had.")
	m.unserved = makes.observed("gocosi.rpc.unserved_calls", "Calls of methods that the driver does not serve.")
	m.ready = makes.upDown("gocosi.driver.ready", "{driver}", "1 while the driver is ready, otherwise 0.")
	m.build = makes.upDown("gocosi.build.info", "{driver}", "1, with the versions of the driver and the library.")
	if makes.err == nil {
		m.registration, makes.err = meter.RegisterCallback(m.observe, m.active, m.unserved, m.ready, m.build)
	}
	return m, makes.err
}

// maker makes instruments until one fails.
type maker struct {
	meter metric.Meter
	err   error
}

// counter counts calls.
func (m *maker) counter(name, description string) (c metric.Int64Counter) {
	if m.err == nil {
		c, m.err = m.meter.Int64Counter(name, metric.WithUnit("{call}"), metric.WithDescription(description))
	}
	return c
}

// observed counts calls that are counted elsewhere.
func (m *maker) observed(name, description string) (c metric.Int64ObservableCounter) {
	if m.err == nil {
		c, m.err = m.meter.Int64ObservableCounter(name, metric.WithUnit("{call}"), metric.WithDescription(description))
	}
	return c
}

func (m *maker) upDown(name, unit, description string) (c metric.Int64ObservableUpDownCounter) {
	if m.err == nil {
		c, m.err = m.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	}
	return c
}

func (m *maker) seconds(name, description string) (h metric.Float64Histogram) {
	if m.err == nil {
		h, m.err = m.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(secondsOf()...))
	}
	return h
}

// Panic counts a call of a method that ended otherwise than by a return.
func (m *Instruments) Panic(ctx context.Context, method string) {
	if m != nil {
		m.add(ctx, m.panics, method)
	}
}

// Translation counts an answer whose code was translated by a rule.
func (m *Instruments) Translation(ctx context.Context, method, rule string) {
	if m != nil {
		m.add(ctx, m.translations, method, ruleKey.String(rule))
	}
}

// Request counts a request that was refused by a rule.
func (m *Instruments) Request(ctx context.Context, method, rule string) {
	if m != nil {
		m.add(ctx, m.requests, method, ruleKey.String(rule))
	}
}

// Response counts an answer of the driver's that was refused by a rule.
func (m *Instruments) Response(ctx context.Context, method, rule string) {
	if m != nil {
		m.add(ctx, m.responses, method, ruleKey.String(rule))
	}
}

// Missed counts calls whose handlers did not return by their deadline.
func (m *Instruments) Missed(ctx context.Context, methods ...string) {
	if m == nil {
		return
	}
	m.attempt(func() {
		for _, method := range methods {
			m.missed.Add(ctx, 1, by(method))
		}
	})
}

// Waited measures how long a call has waited for the turn of a bucket, and counts it when that was refused.
func (m *Instruments) Waited(ctx context.Context, method string, begun time.Time, refused bool) {
	if m == nil {
		return
	}
	took := time.Since(begun).Seconds()
	m.attempt(func() {
		m.waits.Record(ctx, took, by(method))
		if refused {
			m.busy.Add(ctx, 1, by(method))
		}
	})
}

func (m *Instruments) add(ctx context.Context, to metric.Int64Counter, method string, more ...attribute.KeyValue) {
	m.attempt(func() { to.Add(ctx, 1, by(method, more...)) })
}

func by(method string, more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(append(more, methodKey.String(method))...))
}
