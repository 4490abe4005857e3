//go:build unix

package gocosi_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// deed is what foreign code does instead of what it should.
type deed int

const (
	panics   deed = iota
	exits         // ends its goroutine
	blocks        // does not return
	typedNil      // returns a nil of some type
	slow          // takes a while
	huge          // hands over 8 MiB
	changes       // changes what it was given, or later what it returned
	deeds
)

var deedNames = [deeds]string{"panics", "ends its goroutine", "blocks", "returns a typed nil", "is slow", "hands over 8 MiB", "changes things later"}

// The bounds that every cell of the matrix is held against.
const (
	slowness  = 700 * time.Millisecond
	immense   = 8 << 20
	patience  = 10 * time.Minute // how long the caller of a call that is held waits before the driver is stopped
	endBound  = 20*time.Second + 7*time.Second
	lineBound = 32 << 10
)

var hugeText = strings.Repeat("x", immense)

// outcome is a cell of the matrix.
type outcome struct {
	answer string        // of the call, or why the cell makes no sense
	within time.Duration // 0: at once
	word   string        // in a line of the log, or in the error of New or Serve
	stops  string        // in the error of Serve at the end; "": it is nil
	next   string        // the answer of the next call; "": OK
	not    bool          // the cell makes no sense
}

// The answers that are not codes.
const (
	newFails   = "`New` fails"
	serveFails = "`Serve` fails"
	heldUp     = "waits; UNAVAILABLE at the stop"
	nobodyIn   = "nobody can connect"
)

// String renders the cell for the document.
func (o outcome) String() string {
	switch {
	case o.not:
		return "– (" + o.answer + ")"
	case o.within > 0:
		return fmt.Sprintf("%s, ≤ %gs", o.answer, o.within.Seconds())
	}
	return o.answer
}

func ok() outcome                            { return outcome{answer: "OK"} }
func internal(word string) outcome           { return outcome{answer: "INTERNAL", word: word} }
func senseless(why string) outcome           { return outcome{answer: why, not: true} }
func fails(what, word string) outcome        { return outcome{answer: what, word: word} }
func (o outcome) then(next string) outcome   { o.next = next; return o }
func (o outcome) in(d time.Duration) outcome { o.within = d; return o }
func (o outcome) says(word string) outcome   { o.word = word; return o }
func waits(word string) outcome {
	return outcome{answer: heldUp, word: word, stops: "cut off"}
}

// villain misbehaves where foreign code stands: once, or each time.
type villain struct {
	deed    deed
	always  bool
	armed   atomic.Bool
	release chan struct{}
	later   sync.WaitGroup // what it does after it has returned
}

// strikes reports whether it is time to misbehave.
func (v *villain) strikes() bool {
	if v.always {
		return v.armed.Load()
	}
	return v.armed.Swap(false)
}

// act does what needs no value.
func (v *villain) act() {
	if v.strikes() {
		v.do()
	}
}

func (v *villain) do() {
	switch v.deed {
	case panics:
		panic("villainy")
	case exits:
		runtime.Goexit()
	case blocks:
		<-v.release
	case slow:
		time.Sleep(slowness)
	}
}

// afterwards does something in another goroutine, once what is under way has gone on.
func (v *villain) afterwards(do func()) {
	v.later.Go(do)
}

// scene is a driver with a villain in it.
type scene struct {
	identity cosi.IdentityServer // nil: one that is well
	handlers harness.Handlers
	lookup   func(string) (string, bool)
	options  []gocosi.Option
	listener func(net.Listener) net.Listener
	call     func(testing.TB, *harness.Running) error // nil: create a bucket
	atStart  bool                                     // the villain is armed from the beginning
	log      harness.Logs
	logger   func(logr.Logger) logr.Logger
}

// thing is a row of the matrix.
type thing struct {
	name  string
	set   func(*villain, *scene)
	cells [deeds]outcome
}

type createFunc = func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error)

// things lists the rows.
func things() []thing {
	unready := fails("NOT_SERVING", "not ready")
	noResult := internal("neither a response nor an error")
	const (
		ended     = "runtime.Goexit"
		bytes     = "8388608 bytes"
		printed   = "8388615 bytes"
		late      = "handler is past its deadline"
		noText    = "has no text"
		noValue   = "it returns nothing"
		noKeeping = "nothing to change"
		copied    = "copied at once"
	)
	return []thing{
		{"handler", handlerVillain, [deeds]outcome{
			internal("villainy"), internal(ended), waits(late), noResult, ok().in(slowness), internal(printed), ok(),
		}},
		{"interceptor of `WithInterceptors`", innerInterceptor, [deeds]outcome{
			internal("villainy"), internal(ended), waits(late), noResult, ok().in(slowness), internal(printed), ok(),
		}},
		{"interceptor of `WithServerOptions`", outerInterceptor, [deeds]outcome{
			internal("villainy"), internal(ended), waits(""), noResult, ok().in(slowness), internal(printed), ok(),
		}},
		{"readiness", readiness, [deeds]outcome{
			internal("villainy"), internal(ended), fails("NOT_SERVING", "has not returned").in(5 * time.Second).then("NOT_SERVING"), internal("nil pointer"),
			ok().in(slowness), fails("NOT_SERVING", "not ready"), senseless(noKeeping),
		}},
		{"an error of readiness, `Unwrap`, `Is` and `As`", readinessTree, [deeds]outcome{
			unready, unready, unready, senseless("see readiness"), unready, unready, unready,
		}},
		{"Identity server, at start", identityAtStart, [deeds]outcome{
			fails(serveFails, "villainy"), fails(serveFails, ended), fails(serveFails, "deadline").in(2 * time.Minute), fails(serveFails, "INFO"),
			ok().in(slowness), fails(serveFails, bytes), ok(),
		}},
		{"Identity server, in a call", identityInCall, [deeds]outcome{
			internal("villainy"), internal(ended), waits(late), noResult, ok().in(slowness), internal("INFO"), ok(),
		}},
		{"log sink, at a line", sinkAtLine, [deeds]outcome{
			ok(), ok(), ok().in(2 * time.Second), senseless(noValue), ok().in(slowness), senseless(noValue), ok(),
		}},
		{"log sink, asked whether it is enabled", sinkEnabled, [deeds]outcome{
			ok(), ok(), ok().in(2 * time.Second), senseless(noValue), ok().in(2 * time.Second), senseless(noValue), senseless(noKeeping),
		}},
		{"log sink, before the first line", sinkAtStart, [deeds]outcome{
			ok(), ok(), ok().in(2 * time.Second), ok(), ok().in(slowness), senseless(noValue), senseless(noKeeping),
		}},
		{"tracer provider, at start", tracerAtStart, [deeds]outcome{
			fails(serveFails, "villainy"), fails(serveFails, ended), fails(serveFails, "in time").in(5 * time.Second), ok().says("telemetry provider failed"),
			ok().in(slowness), senseless(noValue), senseless(noKeeping),
		}},
		{"tracer, at a call", tracerAtCall, [deeds]outcome{
			ok().says("villainy"), ok().says(ended), ok().in(time.Second).says("in time"), ok().says("telemetry provider failed"),
			ok().in(slowness), senseless(noValue), senseless(noKeeping),
		}},
		{"span", spanMethods, [deeds]outcome{
			ok().says("villainy"), ok().says(ended), ok().in(time.Second).says("in time"), senseless("see tracer"),
			ok().in(5 * time.Second), senseless(noValue), senseless(noKeeping),
		}},
		{"span processor, at a start", spanStart, [deeds]outcome{
			ok().says("villainy"), ok().says(ended), ok().in(time.Second).says("in time"), senseless(noValue),
			ok().in(slowness), senseless(noValue), senseless(noKeeping),
		}},
		{"span processor, at an end", spanEnd, [deeds]outcome{
			ok().says("villainy"), ok().says(ended), ok().in(time.Second).says("in time"), senseless(noValue),
			ok().in(slowness), senseless(noValue), senseless(noKeeping),
		}},
		{"meter provider, at start", meterAtStart, [deeds]outcome{
			fails(serveFails, "villainy"), fails(serveFails, ended), fails(serveFails, "in time").in(5 * time.Second), fails(serveFails, "nil"),
			ok().in(slowness), senseless(noValue), senseless(noKeeping),
		}},
		{"instrument, after a panic", instruments, [deeds]outcome{
			internal("villainy").then("INTERNAL"), internal(ended).then("INTERNAL"), internal("in time").in(time.Second).then("INTERNAL"), senseless(noValue),
			internal("boo").in(slowness).then("INTERNAL"), senseless(noValue), senseless(noKeeping),
		}},
		{"flush of a provider", flusher, [deeds]outcome{
			ok(), ok(), ok(), ok(), ok(), ok(), senseless(noKeeping),
		}},
		{"an error's `Error`", errorText, [deeds]outcome{
			internal("villainy"), internal(ended), internal("in time").in(time.Second), internal("nil pointer"),
			internal("evil").in(slowness), internal(bytes), internal("evil"),
		}},
		{"an error's `Unwrap`, `Is` and `As`", errorTree, [deeds]outcome{
			internal("villainy"), internal(ended), internal("in time").in(time.Second), internal("evil"),
			internal("in time").in(time.Second), internal("evil"), internal("the second time"),
		}},
		{"an error's `GRPCStatus`", errorStatus, [deeds]outcome{
			internal("villainy"), internal(ended), internal("in time").in(2 * time.Second), internal("evil"),
			fails("NOT_FOUND", "evil").in(2 * time.Second), fails("NOT_FOUND", "evil"), fails("NOT_FOUND", "evil"),
		}},
		{"a panic's value, when printed", panicValue, [deeds]outcome{
			internal("PANIC="), internal("cannot be printed"), internal("cannot be printed").in(time.Second), internal("<nil>"),
			internal("evil").in(slowness), internal(printed), internal("evil"),
		}},
		{"response", response, [deeds]outcome{
			senseless("data"), senseless("data"), senseless("data"), internal("nil pointer"),
			senseless("data"), internal("GEN-9"), ok(),
		}},
		{"own service, unary", ownUnary, [deeds]outcome{
			internal("villainy"), internal(ended), waits(late), noResult, ok().in(slowness),
			fails("RESOURCE_EXHAUSTED", "call done"), senseless("its messages are its own"),
		}},
		{"own service, stream", ownStream, [deeds]outcome{
			internal("villainy"), internal(ended),
			{answer: heldUp},
			ok(), ok().in(slowness),
			fails("RESOURCE_EXHAUSTED", "call "), senseless("its messages are its own"),
		}},
		{"own service, when it is registered", registration, [deeds]outcome{
			fails(newFails, "villainy"), fails(newFails, ended), fails(newFails, "in time").in(5 * time.Second), ok(),
			ok().in(slowness), senseless(noValue), ok(),
		}},
		{"listener, at `Accept`", listenerAccept, [deeds]outcome{
			fails(serveFails, "villainy"), fails(serveFails, ended),
			{answer: nobodyIn},
			fails(serveFails, "nil"),
			ok().in(slowness), senseless(noValue), senseless("see below"),
		}},
		{"listener, at `Close`", listenerClose, [deeds]outcome{
			ok().says("villainy"), ok().says(ended), ok().says("in time"), ok().says("nil pointer"), ok(), ok().says(bytes), senseless(noKeeping),
		}},
		{"listener, at `Addr`", listenerAddr, [deeds]outcome{
			fails(serveFails, "villainy"), fails(serveFails, ended), fails(serveFails, "in time").in(5 * time.Second), fails(serveFails, "nil"),
			ok().in(5 * time.Second), ok().says(bytes), ok(),
		}},
		{"environment lookup", lookup, [deeds]outcome{
			fails(newFails, "villainy"), fails(newFails, ended), fails(newFails, "in time").in(5 * time.Second), senseless("nil reads none"),
			ok().in(slowness), fails(newFails, bytes), senseless(noKeeping),
		}},
	}
}

func handlerVillain(v *villain, s *scene) {
	s.handlers.Create = func(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		good := &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: harness.S3Info()}
		if !v.strikes() {
			return good, nil
		}
		switch v.deed {
		case typedNil:
			return nil, nil
		case huge:
			panic(hugeText)
		case changes:
			spoil(r)
			v.afterwards(func() { spoil(r) })
		}
		v.do()
		return good, nil
	}
}

// spoil changes a request.
func spoil(r *cosi.DriverCreateBucketRequest) {
	r.Name = "spoilt"
	r.Parameters = map[string]string{"spoilt": "spoilt"}
}

// interceptor makes an interceptor of a villain.
func interceptor(v *villain) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if r, ok := request.(*cosi.DriverCreateBucketRequest); !ok || !v.strikes() {
			return handler(ctx, request)
		} else if v.deed == changes {
			v.afterwards(func() { _, _ = handler(ctx, r) })
			v.afterwards(func() { _, _ = handler(ctx, r) })
			*info = grpc.UnaryServerInfo{}
			return &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: harness.S3Info()}, nil
		}
		switch v.deed {
		case typedNil:
			return (*cosi.DriverCreateBucketResponse)(nil), nil
		case huge:
			panic(hugeText)
		}
		v.do()
		return handler(ctx, request)
	}
}

func innerInterceptor(v *villain, s *scene) {
	s.options = append(s.options, gocosi.WithInterceptors(interceptor(v)))
}

func outerInterceptor(v *villain, s *scene) {
	s.options = append(s.options, gocosi.WithServerOptions(grpc.UnaryInterceptor(interceptor(v))))
}

// askHealth checks the health of a driver; NOT_SERVING is an error.
func askHealth(t testing.TB, d *harness.Running) error {
	switch got, err := d.Health(t, ""); {
	case err != nil:
		return err
	case got != healthpb.HealthCheckResponse_SERVING:
		return errNotServing
	}
	return nil
}

var errNotServing = errors.New("NOT_SERVING")

func readiness(v *villain, s *scene) {
	s.call = askHealth
	s.options = append(s.options, gocosi.WithReady(func(context.Context) error {
		if !v.strikes() {
			return nil
		}
		switch v.deed {
		case typedNil:
			return (*nilError)(nil)
		case huge:
			return errors.New(hugeText)
		}
		v.do()
		return nil
	}))
}

func readinessTree(v *villain, s *scene) {
	s.call = askHealth
	s.options = append(s.options, gocosi.WithReady(func(context.Context) error {
		if v.strikes() {
			return &evilError{v: v, tree: true}
		}
		return nil
	}))
}

func identityVillain(v *villain) foreignIdentity {
	return func(context.Context) (*cosi.DriverGetInfoResponse, error) {
		good := &cosi.DriverGetInfoResponse{Name: "foreign.example.com"}
		if !v.strikes() {
			return good, nil
		}
		switch v.deed {
		case typedNil:
			return nil, nil
		case huge:
			return &cosi.DriverGetInfoResponse{Name: hugeText}, nil
		}
		v.do()
		return good, nil
	}
}

func identityAtStart(v *villain, s *scene) {
	s.identity, s.atStart = identityVillain(v), true
}

func identityInCall(v *villain, s *scene) {
	s.identity = identityVillain(v)
	s.call = func(_ testing.TB, d *harness.Running) error {
		_, err := cosi.NewIdentityClient(d.Conn).DriverGetInfo(context.Background(), &cosi.DriverGetInfoRequest{})
		return err
	}
}

// sinkVillain misbehaves at the lines of calls. It embeds no CallDepthLogSink.
type sinkVillain struct {
	logr.LogSink

	atLine, atEnabled, atStart *villain // nil: it behaves there
}

func (s sinkVillain) Enabled(level int) bool {
	if s.atEnabled != nil {
		s.atEnabled.act()
	}
	return s.LogSink.Enabled(level)
}

func (s sinkVillain) Info(level int, msg string, keysAndValues ...any) {
	if s.atLine != nil && strings.HasPrefix(msg, "call ") {
		if s.atLine.deed == changes && s.atLine.strikes() {
			s.atLine.afterwards(func() { clear(keysAndValues) })
			return
		}
		s.atLine.act()
	}
	s.LogSink.Info(level, msg, keysAndValues...)
}

func (s sinkVillain) WithCallDepth(int) logr.LogSink {
	if s.atStart != nil {
		if s.atStart.deed == typedNil && s.atStart.strikes() {
			return nil
		}
		s.atStart.act()
	}
	return s
}

func sinkAtLine(v *villain, s *scene) {
	v.always = true
	s.logger = func(l logr.Logger) logr.Logger { return l.WithSink(sinkVillain{LogSink: l.GetSink(), atLine: v}) }
}

func sinkEnabled(v *villain, s *scene) {
	v.always = true
	s.logger = func(l logr.Logger) logr.Logger { return l.WithSink(sinkVillain{LogSink: l.GetSink(), atEnabled: v}) }
}

func sinkAtStart(v *villain, s *scene) {
	s.atStart = true
	s.logger = func(l logr.Logger) logr.Logger { return l.WithSink(sinkVillain{LogSink: l.GetSink(), atStart: v}) }
}

// tracerVillain is a tracer provider, its tracer and its span.
type tracerVillain struct {
	nooptrace.TracerProvider
	atStart, atCall, inSpan *villain
}

func (p tracerVillain) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	if p.atStart != nil {
		if p.atStart.deed == typedNil && p.atStart.strikes() {
			return nil
		}
		p.atStart.act()
	}
	return tracerOfVillain{p.TracerProvider.Tracer(name, options...), p}
}

type tracerOfVillain struct {
	trace.Tracer
	tracerVillain
}

func (o tracerOfVillain) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if o.atCall != nil {
		if o.atCall.deed == typedNil && o.atCall.strikes() {
			return nil, nil
		}
		o.atCall.act()
	}
	ctx, span := o.Tracer.Start(ctx, name, options...)
	if o.inSpan != nil {
		span = spanVillain{span, o.inSpan}
		ctx = trace.ContextWithSpan(ctx, span)
	}
	return ctx, span
}

type spanVillain struct {
	trace.Span
	villain *villain
}

func (s spanVillain) SpanContext() trace.SpanContext {
	s.villain.act()
	return s.Span.SpanContext()
}

func (s spanVillain) SetAttributes(...attribute.KeyValue) { s.villain.act() }
func (s spanVillain) End(...trace.SpanEndOption)          { s.villain.act() }
func (spanVillain) IsRecording() bool                     { return true }

func tracerAtStart(v *villain, s *scene) {
	s.atStart = true
	s.options = append(s.options, gocosi.WithTracerProvider(tracerVillain{atStart: v}))
}

func tracerAtCall(v *villain, s *scene) {
	v.always = true
	s.options = append(s.options, gocosi.WithTracerProvider(tracerVillain{atCall: v}))
}

func spanMethods(v *villain, s *scene) {
	v.always = true
	s.options = append(s.options, gocosi.WithTracerProvider(tracerVillain{inSpan: v}))
}

// processor is a span processor of the SDK's.
type processor struct{ atStart, atEnd *villain }

func (p processor) OnStart(context.Context, sdktrace.ReadWriteSpan) {
	if p.atStart != nil {
		p.atStart.act()
	}
}

func (p processor) OnEnd(sdktrace.ReadOnlySpan) {
	if p.atEnd != nil {
		p.atEnd.act()
	}
}
func (processor) Shutdown(context.Context) error   { return nil }
func (processor) ForceFlush(context.Context) error { return nil }

func spanStart(v *villain, s *scene) {
	v.always = true
	s.options = append(s.options, gocosi.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor{atStart: v}))))
}

func spanEnd(v *villain, s *scene) {
	v.always = true
	s.options = append(s.options, gocosi.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor{atEnd: v}))))
}

// meterVillain is a meter provider, its meter and its instruments.
type meterVillain struct {
	noopmetric.MeterProvider
	atStart, atCall *villain
}

func (p meterVillain) Meter(name string, options ...metric.MeterOption) metric.Meter {
	if p.atStart != nil {
		if p.atStart.deed == typedNil && p.atStart.strikes() {
			return (*meterOfVillain)(nil)
		}
		p.atStart.act()
	}
	return meterOfVillain{p.MeterProvider.Meter(name, options...), p}
}

type meterOfVillain struct {
	metric.Meter
	meterVillain
}

func (m meterOfVillain) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return counterVillain{v: m.atCall}, nil
}

func (m meterOfVillain) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return histogramVillain{v: m.atCall}, nil
}

type counterVillain struct {
	noopmetric.Int64Counter
	v *villain
}

func (c counterVillain) Add(context.Context, int64, ...metric.AddOption) {
	if c.v != nil {
		c.v.act()
	}
}

type histogramVillain struct {
	noopmetric.Float64Histogram
	v *villain
}

func (h histogramVillain) Record(context.Context, float64, ...metric.RecordOption) {
	if h.v != nil {
		h.v.act()
	}
}

func (histogramVillain) Enabled(context.Context) bool { return true }

func meterAtStart(v *villain, s *scene) {
	s.atStart = true
	s.options = append(s.options, gocosi.WithMeterProvider(meterVillain{atStart: v}))
}

// instruments has a handler that panics, so that the library's own counter counts too.
func instruments(v *villain, s *scene) {
	v.always = true
	s.handlers.Create = func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		if v.armed.Load() {
			panic("boo")
		}
		return &cosi.DriverCreateBucketResponse{BucketId: "id"}, nil
	}
	s.options = append(s.options, gocosi.WithMeterProvider(meterVillain{atCall: v}))
}

// flushVillain misbehaves at the end.
type flushVillain struct {
	nooptrace.TracerProvider
	v *villain
}

func (p flushVillain) ForceFlush(context.Context) error {
	if !p.v.strikes() {
		return nil
	}
	switch p.v.deed {
	case typedNil:
		return (*nilError)(nil)
	case huge:
		return errors.New(hugeText)
	}
	p.v.do()
	return nil
}

func flusher(v *villain, s *scene) {
	s.options = append(s.options, gocosi.WithTracerProvider(flushVillain{v: v}))
}

// evilError is an error whose methods misbehave, each time.
type evilError struct {
	v            *villain
	atText, tree bool
	asked        atomic.Int32
}

func (e *evilError) Error() string {
	if e.atText {
		if e.v.deed == changes && e.asked.Add(1) > 1 {
			panic("the second time")
		}
		if e.v.deed == huge {
			return hugeText
		}
		e.v.do()
	}
	return "evil"
}

func (e *evilError) trunk() {
	if e.tree {
		if e.v.deed == changes && e.asked.Add(1) > 1 {
			panic("the second time")
		}
		e.v.do()
	}
}

func (e *evilError) Is(error) bool { e.trunk(); return false }
func (e *evilError) As(any) bool   { e.trunk(); return false }

func (e *evilError) Unwrap() error {
	e.trunk()
	switch {
	case e.tree && e.v.deed == typedNil:
		return (*nilError)(nil)
	case e.tree && e.v.deed == huge:
		return errors.New(hugeText)
	}
	return nil
}

// evilStatusError is an error that says what its status is, at times.
type evilStatusError struct {
	v     *villain
	asked atomic.Int32
}

func (*evilStatusError) Error() string { return "evil" }

func (e *evilStatusError) GRPCStatus() *status.Status {
	switch {
	case e.v.deed == typedNil:
		return nil
	case e.v.deed == huge:
		return status.New(codes.NotFound, hugeText)
	case e.v.deed == changes && e.asked.Add(1) > 2:
		panic("the third time")
	}
	e.v.do()
	return status.New(codes.NotFound, "not here")
}

// failsWith makes the creation of a bucket fail as long as the villain strikes.
func failsWith(v *villain, fail func() error) createFunc {
	return func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		if v.strikes() {
			return nil, fail()
		}
		return &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: harness.S3Info()}, nil
	}
}

func errorText(v *villain, s *scene) {
	s.handlers.Create = failsWith(v, func() error {
		if v.deed == typedNil {
			return (*nilError)(nil)
		}
		return &evilError{v: v, atText: true}
	})
}

func errorTree(v *villain, s *scene) {
	s.handlers.Create = failsWith(v, func() error { return &evilError{v: v, tree: true} })
}

func errorStatus(v *villain, s *scene) {
	s.handlers.Create = failsWith(v, func() error { return &evilStatusError{v: v} })
}

func panicValue(v *villain, s *scene) {
	s.handlers.Create = failsWith(v, func() error {
		if v.deed == typedNil {
			panic((*nilError)(nil))
		}
		panic(&evilError{v: v, atText: true})
	})
}

// response grants access with an answer that the handler keeps.
func response(v *villain, s *scene) {
	s.call = func(_ testing.TB, d *harness.Running) error {
		if v.deed != changes {
			return d.Create(context.Background())
		}
		results := make(chan error)
		const many = 8
		for range many {
			go func() { results <- harness.CallMethod(context.Background(), d.Conn, "DriverGrantBucketAccess") }()
		}
		var failed error
		for range many {
			failed = errors.Join(failed, <-results)
		}
		return failed
	}
	keys := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: "key", AccessSecretKey: "secret"}
	kept := &cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: keys.Map()}
	s.handlers.Grant = func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
		kept.AccountId += "a"
		kept.Credentials["s3"].Secrets["region"] += "r"
		return kept, nil
	}
	created := &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: harness.S3Info()}
	s.handlers.Create = func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		switch {
		case !v.strikes():
		case v.deed == typedNil:
			return &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: &cosi.Protocol{Type: (*cosi.Protocol_S3)(nil)}}, nil
		case v.deed == huge:
			return &cosi.DriverCreateBucketResponse{BucketId: hugeText}, nil
		}
		return created, nil
	}
}

func ownUnary(v *villain, s *scene) {
	e := &harness.Echo{Unary: func(context.Context) (*wrapperspb.StringValue, error) {
		if !v.strikes() {
			return wrapperspb.String("hi"), nil
		}
		switch v.deed {
		case typedNil:
			return nil, nil
		case huge:
			return wrapperspb.String(hugeText), nil
		}
		v.do()
		return wrapperspb.String("hi"), nil
	}}
	s.options = append(s.options, gocosi.WithServices(e.Register))
	s.call = func(_ testing.TB, d *harness.Running) error { return echo(d, "Unary") }
}

func ownStream(v *villain, s *scene) {
	e := &harness.Echo{Stream: func(stream grpc.ServerStream) error {
		if !v.strikes() {
			return stream.SendMsg(wrapperspb.String("hi"))
		}
		switch v.deed {
		case typedNil:
			return stream.SendMsg((*wrapperspb.StringValue)(nil))
		case huge:
			return stream.SendMsg(wrapperspb.String(hugeText))
		}
		v.do()
		return stream.SendMsg(wrapperspb.String("hi"))
	}}
	s.options = append(s.options, gocosi.WithServices(e.Register))
	s.call = func(_ testing.TB, d *harness.Running) error { return echo(d, "Stream") }
}

// echo calls a method of the author's own service without a deadline.
func echo(d *harness.Running, method string) error {
	stream, err := d.Conn.NewStream(context.Background(), &grpc.StreamDesc{ServerStreams: true}, "/test.Echo/"+method)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(wrapperspb.String("")); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for err == nil {
		err = stream.RecvMsg(new(wrapperspb.StringValue))
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func registration(v *villain, s *scene) {
	s.atStart = true
	s.options = append(s.options, gocosi.WithServices(func(r grpc.ServiceRegistrar) {
		e := &harness.Echo{}
		if v.deed == typedNil {
			e = nil
		}
		v.act()
		e.Register(r)
		if v.deed == changes {
			v.afterwards(func() { r.RegisterService(&grpc.ServiceDesc{ServiceName: "later"}, nil) })
		}
	}))
}

// listenerVillain is a listener whose methods misbehave.
type listenerVillain struct {
	net.Listener
	atAccept, atClose, atAddr *villain
}

func (l listenerVillain) Accept() (net.Conn, error) {
	if l.atAccept != nil && l.atAccept.strikes() {
		if l.atAccept.deed == typedNil {
			return nil, (*nilError)(nil)
		}
		l.atAccept.do()
	}
	return l.Listener.Accept()
}

func (l listenerVillain) Close() error {
	err := l.Listener.Close()
	if l.atClose != nil && l.atClose.strikes() {
		switch l.atClose.deed {
		case typedNil:
			return (*nilError)(nil)
		case huge:
			return errors.New(hugeText)
		}
		l.atClose.do()
	}
	return err
}

func (l listenerVillain) Addr() net.Addr {
	if l.atAddr != nil && l.atAddr.strikes() {
		switch l.atAddr.deed {
		case typedNil:
			return (*net.TCPAddr)(nil)
		case huge:
			return addrVillain(hugeText)
		}
		l.atAddr.do()
	}
	return l.Listener.Addr()
}

type addrVillain string

func (addrVillain) Network() string  { return "bufconn" }
func (a addrVillain) String() string { return string(a) }

func listenerAccept(v *villain, s *scene) {
	s.atStart = true
	s.listener = func(l net.Listener) net.Listener { return listenerVillain{Listener: l, atAccept: v} }
}

func listenerClose(v *villain, s *scene) {
	v.always = true
	s.listener = func(l net.Listener) net.Listener { return listenerVillain{Listener: l, atClose: v} }
}

func listenerAddr(v *villain, s *scene) {
	s.atStart, v.always = true, true
	s.listener = func(l net.Listener) net.Listener { return listenerVillain{Listener: l, atAddr: v} }
}

func lookup(v *villain, s *scene) {
	s.atStart = true
	s.lookup = func(string) (string, bool) {
		if !v.strikes() {
			return "", false
		}
		if v.deed == huge {
			return hugeText, true
		}
		v.do()
		return "", false
	}
}

// TestForeignCode takes every kind of foreign code through every kind of misbehaviour.
func TestForeignCode(t *testing.T) {
	t.Parallel()
	for _, row := range things() {
		for d, want := range row.cells {
			if want.not {
				continue
			}
			t.Run(row.name+" "+deedNames[d], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { misbehave(t, row, deed(d), want) })
			})
		}
	}
}

// TestForeignCodeIsDocumented compares the table in docs/SECURITY.md with the matrix.
func TestForeignCodeIsDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("docs/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := matrix(); !strings.Contains(string(document), "\n\n"+want+"\n") {
		t.Errorf("docs/SECURITY.md lacks the table of what foreign code can do, want:\n%s", want)
	}
}

// matrix renders the table.
func matrix() string {
	table := "| | " + strings.Join(deedNames[:], " | ") + " |\n" + strings.Repeat("|---", int(deeds)+1) + "|\n"
	for _, row := range things() {
		table += "| " + row.name
		for _, cell := range row.cells {
			table += " | " + cell.String()
		}
		table += " |\n"
	}
	return table
}

// misbehave plays a cell.
func misbehave(t *testing.T, row thing, d deed, want outcome) {
	v, s := &villain{deed: d, release: make(chan struct{})}, &scene{}
	row.set(v, s)
	free := sync.OnceFunc(func() { close(v.release); v.later.Wait(); time.Sleep(time.Minute) })
	t.Cleanup(free)
	v.armed.Store(s.atStart)
	begun := time.Now()
	r := s.start(t, want)
	if r == nil {
		return
	}
	if !s.atStart {
		begun = time.Now()
		v.armed.Store(true)
	}
	if want.answer != nobodyIn {
		s.play(t, r, begun, want)
	}
	s.end(t, r, want, free)
}

// start makes and runs the driver. It returns nil when that failed, as it should.
func (s *scene) start(t *testing.T, want outcome) *harness.Running {
	t.Helper()
	log := s.log.Logger()
	if s.logger != nil {
		log = s.logger(log)
	}
	identity := s.identity
	if identity == nil {
		identity = gocosi.NewIdentity("test.example.com")
	}
	begun := time.Now()
	driver, err := s.make(identity, log)
	if err != nil || want.answer == newFails {
		s.failed(t, newFails, err, begun, want)
		return nil
	}
	lis := bufconn.Listen(1 << 20)
	var given net.Listener = lis
	if s.listener != nil {
		given = s.listener(lis)
	}
	r := harness.Attach(t, lis, func(ctx context.Context) (err error) {
		returned := false
		defer func() {
			if !returned {
				err = errors.New("Serve did not return")
			}
		}()
		err = driver.Serve(ctx, given)
		returned = true
		return err
	})
	if _, err := driver.Addr(t.Context()); err != nil || want.answer == serveFails {
		select {
		case err := <-r.Done:
			r.Done <- err
			s.failed(t, serveFails, err, begun, want)
		case <-time.After(patience):
			t.Error("Serve goes on, want it to fail")
		}
		return nil
	}
	return r
}

// make calls New, which might do anything.
func (s *scene) make(identity cosi.IdentityServer, log logr.Logger) (driver *gocosi.Driver, err error) {
	options := append([]gocosi.Option{gocosi.WithEnvironment(s.lookup), gocosi.WithLogger(log)}, s.options...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = errors.New("New did not return")
		driver, err = gocosi.New(identity, &s.handlers, options...)
	}()
	<-done
	return driver, err
}

// failed checks an error of New or Serve.
func (*scene) failed(t *testing.T, what string, err error, begun time.Time, want outcome) {
	t.Helper()
	took := time.Since(begun)
	if err == nil || want.answer != what || !strings.Contains(err.Error(), want.word) || took > want.within || len(err.Error()) > lineBound {
		t.Errorf("%s after %s: %.300v; want %s with %q", what, took, err, want, want.word)
	}
}

// play makes the call and checks what becomes of it.
func (s *scene) play(t *testing.T, r *harness.Running, begun time.Time, want outcome) {
	t.Helper()
	call := s.call
	if call == nil {
		call = func(_ testing.TB, d *harness.Running) error { return d.Create(context.Background()) }
	}
	answer := make(chan error, 1)
	go func() { answer <- call(t, r) }()
	select {
	case err := <-answer:
		if got, took := codeOf(err), time.Since(begun); got != want.answer || took > want.within {
			t.Errorf("%s after %s (%.300v); want %s", got, took, err, want)
		}
		if n := r.Holds.Locks(); n != 0 {
			t.Errorf("%d buckets are locked, want none", n)
		}
	case <-time.After(patience):
		if want.answer != heldUp {
			t.Errorf("no answer; want %s", want)
		}
		defer func() {
			r.Stop()
			if err := <-answer; status.Code(err) != codes.Unavailable {
				t.Errorf("%v at the stop, want UNAVAILABLE", err)
			}
		}()
	}
	r.Lives(t)
	if want.answer != heldUp {
		if err := call(t, r); codeOf(err) != cmp.Or(want.next, "OK") {
			t.Errorf("the next call: %.300v, want %s", err, cmp.Or(want.next, "OK"))
		}
	}
}

// end stops the driver and checks how that goes, and what was logged.
func (s *scene) end(t *testing.T, r *harness.Running, want outcome, free func()) {
	t.Helper()
	begun := time.Now()
	err := r.Wait(t)
	if took := time.Since(begun); took > endBound {
		t.Errorf("the end took %s, want at most %s", took, endBound)
	}
	if (err == nil) != (want.stops == "") || err != nil && !strings.Contains(err.Error(), want.stops) {
		t.Errorf("Serve returned %v, want %q", err, want.stops)
	}
	if want.word != "" && len(s.log.Lines(want.word)) == 0 {
		t.Errorf("no line has %q: %.2000q", want.word, s.log.Lines())
	}
	for _, line := range s.log.Lines() {
		if len(line) > lineBound {
			t.Errorf("a line of %d bytes, want at most %d: %.200s", len(line), lineBound, line)
		}
	}
	free()
	synctest.Wait()
	if locks, calls := r.Holds.Locks(), r.Holds.Calls(); locks+calls != 0 {
		t.Errorf("%d buckets are locked and %d calls under way after the end, want none", locks, calls)
	}
}

// codeOf names the code of an answer as the document does.
func codeOf(err error) string {
	if errors.Is(err, errNotServing) {
		return err.Error()
	}
	switch code := status.Code(err); code {
	case codes.OK:
		return "OK"
	case codes.Internal:
		return "INTERNAL"
	case codes.NotFound:
		return "NOT_FOUND"
	case codes.ResourceExhausted:
		return "RESOURCE_EXHAUSTED"
	default:
		return code.String()
	}
}
