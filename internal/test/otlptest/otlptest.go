// Package otlptest runs an OTLP collector for tests over gRPC or HTTP. The collector keeps what it accepts. It can also
// refuse exports, or never answer them.
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

// Receiver collects exports. It accepts everything until a method changes that, and stops when its test ends. Its
// methods are safe for concurrent use.
type Receiver struct {
	// URL is the endpoint for both signals.
	URL string
	// Certificate and Key name the receiver's PEM files for TLS. A client may use them as its own.
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

// Refuse makes the receiver answer exports with the message and UNAVAILABLE or 503.
func (r *Receiver) Refuse(message string) { r.set(refusing, message) }

// Stall makes the receiver read exports and never answer them.
func (r *Receiver) Stall() { r.set(stalling, "") }

// Accept makes the receiver accept exports again.
func (r *Receiver) Accept() { r.set(accepting, "") }

func (r *Receiver) set(m mode, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode, r.message = m, message
}

// Exports counts all exports that have arrived, including those that the receiver did not accept.
func (r *Receiver) Exports() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.exports
}

// Headers lists the value of Header in each accepted export, in order.
func (r *Receiver) Headers() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.headers...)
}

// Header names the header that the receiver keeps.
const Header = "X-Tenant"

// Spans lists all accepted spans.
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

// Resource lists the distinct values that an attribute has in the resources of all accepted exports.
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

// Counter returns the last values of a counter. Each key joins the values of the attributes with commas, in the order
// of the attributes' names.
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

// Observations returns the last number of observations in a histogram, by the value of one attribute.
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

// Bounds returns the boundaries of a histogram; nil when it has none.
func (r *Receiver) Bounds(name string) (bounds []float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.each(name, func(m *metrics.Metric) {
		for _, p := range m.GetHistogram().GetDataPoints() {
			bounds = p.GetExplicitBounds()
		}
	})
	return bounds
}

// Text returns all accepted exports as text, for tests that look for something that must not be in them.
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

// Attribute returns the text of an attribute, or "" when the attribute is missing.
func Attribute(attributes []*common.KeyValue, key string) string {
	for _, a := range attributes {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// receive handles an export according to the mode. The exporter gets the text of the error.
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

// Mute returns the URL of a port that accepts connections and never answers.
func Mute(t testing.TB, scheme string) string {
	t.Helper()
	lis := listen(t)
	t.Cleanup(func() { _ = lis.Close() })
	return scheme + "://" + lis.Addr().String() // the system accepts connections while its queue has room
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

// Down returns the URL of a port where nothing listens, and keeps other programs from listening there.
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
		t.Fatalf("bound to %v, want an IPv4 address", name)
	}
	return "http://127.0.0.1:" + strconv.Itoa(addr.Port)
}
