// Package otlptest is an OTLP collector for tests, over gRPC and over HTTP. It keeps what it accepts, and can be made to
// refuse, or never to answer.
package otlptest

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
)

// Receiver is a collector. It accepts everything until it is told otherwise, and ends with its test. Its methods are
// safe for concurrent use.
type Receiver struct {
	// URL is its endpoint, for the variables of both signals together.
	URL string
	// Certificate and Key are files: the receiver's own, for TLS, and good enough as a client's.
	Certificate, Key string

	ended chan struct{}

	mu      sync.Mutex
	mode    mode
	message string
	exports int
	headers []string
	spans   []*trace.ResourceSpans
	metrics []*metrics.ResourceMetrics
}

type mode int

const (
	accepting mode = iota
	refusing
	stalling
)

// Refuse makes it answer exports with UNAVAILABLE, or 503, and the message.
func (r *Receiver) Refuse(message string) { r.set(refusing, message) }

// Stall makes it read exports and never answer them.
func (r *Receiver) Stall() { r.set(stalling, "") }

// Accept makes it accept exports again.
func (r *Receiver) Accept() { r.set(accepting, "") }

func (r *Receiver) set(m mode, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode, r.message = m, message
}

// Exports is how many exports, and attempts at one, have arrived.
func (r *Receiver) Exports() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.exports
}

// Headers lists what the header said in each export, in order.
func (r *Receiver) Headers() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.headers...)
}

// Header is the one that the receiver keeps.
const Header = "X-Tenant"

// Spans lists all spans that were accepted.
func (r *Receiver) Spans() []*trace.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*trace.Span
	for _, rs := range r.spans {
		for _, ss := range rs.GetScopeSpans() {
			all = append(all, ss.GetSpans()...)
		}
	}
	return all
}

// Resource lists the values that an attribute has in the resources of all exports that were accepted, without repeats.
func (r *Receiver) Resource(key string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sources []*resource.Resource
	for _, rs := range r.spans {
		sources = append(sources, rs.GetResource())
	}
	for _, rm := range r.metrics {
		sources = append(sources, rm.GetResource())
	}
	var values []string
	seen := map[string]bool{}
	for _, source := range sources {
		if v := Attribute(source.GetAttributes(), key); !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	return values
}

// Counter is the last value of a counter, by the values of its attributes, which are joined by commas in the order of
// their names.
func (r *Receiver) Counter(name string) map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	values := map[string]int64{}
	r.each(name, func(m *metrics.Metric) {
		for _, p := range m.GetSum().GetDataPoints() {
			var by []string
			for _, a := range p.GetAttributes() {
				by = append(by, a.GetValue().GetStringValue())
			}
			values[strings.Join(by, ",")] = p.GetAsInt()
		}
	})
	return values
}

// Observations is the last number of values in a histogram, by the value of one attribute.
func (r *Receiver) Observations(name, attribute string) map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	values := map[string]uint64{}
	r.each(name, func(m *metrics.Metric) {
		for _, p := range m.GetHistogram().GetDataPoints() {
			values[Attribute(p.GetAttributes(), attribute)] = p.GetCount()
		}
	})
	return values
}

// Text is everything that was accepted, in text form: to search for what must not be in it.
func (r *Receiver) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var text strings.Builder
	for _, rs := range r.spans {
		text.WriteString(prototext.Format(rs))
	}
	for _, rm := range r.metrics {
		text.WriteString(prototext.Format(rm))
	}
	return text.String()
}

func (r *Receiver) each(name string, visit func(*metrics.Metric)) {
	for _, rm := range r.metrics {
		for _, sm := range rm.GetScopeMetrics() {
			for _, m := range sm.GetMetrics() {
				if m.GetName() == name {
					visit(m)
				}
			}
		}
	}
}

// Attribute is the text of the attribute; "" when there is none.
func Attribute(attributes []*common.KeyValue, key string) string {
	for _, a := range attributes {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// receive deals with an export as the mode says; the error's text is for the exporter.
func (r *Receiver) receive(ctx context.Context, header string, keep func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exports++
	switch r.mode {
	case refusing:
		return refusal(r.message)
	case stalling:
		r.mu.Unlock()
		defer r.mu.Lock()
		select {
		case <-ctx.Done():
		case <-r.ended:
		}
		return refusal("the receiver has ended")
	default:
		r.headers = append(r.headers, header)
		keep()
		return nil
	}
}

type refusal string

func (r refusal) Error() string { return string(r) }

func (r *Receiver) traces(ctx context.Context, header string, request *coltrace.ExportTraceServiceRequest) error {
	return r.receive(ctx, header, func() { r.spans = append(r.spans, request.GetResourceSpans()...) })
}

func (r *Receiver) measures(ctx context.Context, header string, request *colmetrics.ExportMetricsServiceRequest) error {
	return r.receive(ctx, header, func() { r.metrics = append(r.metrics, request.GetResourceMetrics()...) })
}

// Mute returns the URL of a port on which connections are accepted and nothing is ever said.
func Mute(t testing.TB, scheme string) string {
	t.Helper()
	lis := listen(t)
	t.Cleanup(func() { _ = lis.Close() })
	return scheme + "://" + lis.Addr().String() // the system accepts, for as long as its queue has room
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	var config net.ListenConfig
	lis, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// Down returns the URL of a port on which nothing listens, and keeps others from listening there.
func Down(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("bound to %v", name)
	}
	return "http://127.0.0.1:" + strconv.Itoa(addr.Port)
}
