package otlp

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/methods"
)

// Served describes a driver that serves. Its functions are called whenever a reader of metrics wants, also while the driver
// ends: they return at once and are safe for concurrent use.
type Served struct {
	Version  string // of the driver
	Library  string // of this library
	Services map[string]grpc.ServiceInfo
	Methods  map[string]*methods.Method // of the specification's, by full name
	Calls    func() map[string]int      // that are under way, by method
	Unserved func() int64               // counts calls of methods that are not served
	Ready    func() bool
}

// Serve lets readers see the driver from now on, and makes every series of a counter whose attributes are known: the increase
// of one that appears with its first event cannot be told.
func (m *Instruments) Serve(s Served) {
	if m == nil {
		return
	}
	m.attempt(func() { m.begin(context.Background(), s) })
	m.served.Store(&s)
}

// begin adds nothing to every counter.
func (m *Instruments) begin(ctx context.Context, s Served) {
	for method, info := range s.all() {
		m.panics.Add(ctx, 0, by(method))
		if !info.IsClientStream && !info.IsServerStream {
			m.missed.Add(ctx, 0, by(method))
		}
	}
	for name, method := range s.Methods {
		m.beginRules(ctx, name[1:], method)
	}
}

func (m *Instruments) beginRules(ctx context.Context, name string, method *methods.Method) {
	for _, rule := range method.RequestRules {
		m.requests.Add(ctx, 0, by(name, ruleKey.String(rule)))
	}
	for _, rule := range method.ResponseRules {
		m.responses.Add(ctx, 0, by(name, ruleKey.String(rule)))
	}
	if rule := method.Translation.Rule; rule != "" {
		m.translations.Add(ctx, 0, by(name, ruleKey.String(rule)))
	}
	if method.Serialize != methods.SideBySide {
		m.busy.Add(ctx, 0, by(name))
	}
}

// all lists what is served, by method.
func (s *Served) all() map[string]grpc.MethodInfo {
	all := map[string]grpc.MethodInfo{}
	for service, info := range s.Services {
		for _, method := range info.Methods {
			all[service+"/"+method.Name] = method
		}
	}
	return all
}

// generations lists those of COSI that are served.
func (s *Served) generations() (names []string) {
	for _, method := range s.Methods {
		names = append(names, method.Generation.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// observe tells a reader what holds now. The reader may be of a provider of the author's own: no lock is held meanwhile.
func (m *Instruments) observe(_ context.Context, to metric.Observer) error {
	s := m.served.Load()
	if s == nil {
		return nil
	}
	calls, ready := s.Calls(), int64(0)
	for method := range s.all() {
		if measured("/" + method) {
			to.ObserveInt64(m.active, int64(calls[method]), by(method))
		}
	}
	to.ObserveInt64(m.unserved, s.Unserved())
	if s.Ready() {
		ready = 1
	}
	to.ObserveInt64(m.ready, ready)
	for _, generation := range s.generations() {
		to.ObserveInt64(m.build, 1, metric.WithAttributes(versionKey.String(s.Version), libraryKey.String(s.Library),
			generationKey.String(generation)))
	}
	return nil
}

// hide ends what readers see of the driver.
func (m *Instruments) hide() {
	if m != nil {
		m.served.Store(nil)
	}
}

// unregister ends the calls of observe by a provider that lives on.
func (m *Instruments) unregister() error {
	if m == nil || m.registration == nil {
		return nil
	}
	return m.registration.Unregister()
}
