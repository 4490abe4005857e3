// Package registrar collects services before there is a server, and lets its owner surround each of their methods.
package registrar

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"google.golang.org/grpc"
)

// Surroundings wraps the handlers of methods, which it is told by their full names.
type Surroundings interface {
	Unary(method string, handler grpc.MethodHandler) grpc.MethodHandler
	Stream(method string, handler grpc.StreamHandler) grpc.StreamHandler
}

// Services collects what is registered. It implements [grpc.ServiceRegistrar] and what reflection asks of a server. It is
// not safe for concurrent use, but GetServiceInfo is once everything is registered.
type Services struct {
	reserved string
	list     []service
	problems []error
}

// New returns an empty collection. The service of the reserved name is registered after Err was asked.
func New(reserved string) *Services { return &Services{reserved: reserved} }

// Lend lets a function register services; what it registers after its return is nobody's.
func (s *Services) Lend(register func(grpc.ServiceRegistrar)) {
	l := &loan{services: s}
	defer l.end()
	register(l)
}

// loan is the collection for as long as a function of the author's runs. It is safe for concurrent use.
type loan struct {
	mu       sync.Mutex
	services *Services // nil: the loan has ended
}

func (l *loan) RegisterService(desc *grpc.ServiceDesc, impl any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.services != nil {
		l.services.RegisterService(desc, impl)
	}
}

func (l *loan) GetServiceInfo() map[string]grpc.ServiceInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.services == nil {
		return nil
	}
	return l.services.GetServiceInfo()
}

func (l *loan) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.services = nil
}

type service struct {
	desc *grpc.ServiceDesc
	impl any
}

// RegisterService collects a service. gRPC's own server would end the process for one that it refuses.
func (s *Services) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if err := s.check(desc, impl); err != nil {
		s.problems = append(s.problems, err)
		return
	}
	s.list = append(s.list, service{desc, impl})
}

func (s *Services) check(desc *grpc.ServiceDesc, impl any) error {
	if desc == nil {
		return errors.New("a service without a description was registered; want one")
	}
	for _, known := range s.list {
		if known.desc.ServiceName == desc.ServiceName {
			return fmt.Errorf("the service %q was registered twice; want once", desc.ServiceName)
		}
	}
	if impl == nil {
		return nil // as gRPC does
	}
	want := reflect.TypeOf(desc.HandlerType)
	if want == nil || want.Kind() != reflect.Pointer || want.Elem().Kind() != reflect.Interface {
		return fmt.Errorf("the description of the service %q has no type of a handler; want a pointer to an interface", desc.ServiceName)
	}
	if !reflect.TypeOf(impl).Implements(want.Elem()) {
		return fmt.Errorf("a %T cannot serve %q; want a %s", impl, desc.ServiceName, want.Elem())
	}
	return nil
}

// Err returns what is wrong with the services.
func (s *Services) Err() error {
	for _, known := range s.list {
		if known.desc.ServiceName == s.reserved {
			s.problems = append(s.problems, fmt.Errorf("the service %q is the library's own; want others", s.reserved))
		}
	}
	return errors.Join(s.problems...)
}

// GetServiceInfo describes the services, as [grpc.Server.GetServiceInfo] does.
func (s *Services) GetServiceInfo() map[string]grpc.ServiceInfo {
	all := make(map[string]grpc.ServiceInfo, len(s.list))
	for _, known := range s.list {
		info := grpc.ServiceInfo{Metadata: known.desc.Metadata}
		for _, m := range known.desc.Methods {
			info.Methods = append(info.Methods, grpc.MethodInfo{Name: m.MethodName})
		}
		for _, m := range known.desc.Streams {
			info.Methods = append(info.Methods,
				grpc.MethodInfo{Name: m.StreamName, IsClientStream: m.ClientStreams, IsServerStream: m.ServerStreams})
		}
		all[known.desc.ServiceName] = info
	}
	return all
}

// RegisterOn registers the services on a server, every method surrounded.
func (s *Services) RegisterOn(server grpc.ServiceRegistrar, around Surroundings) {
	for _, known := range s.list {
		server.RegisterService(surrounded(known.desc, around), known.impl)
	}
}

func surrounded(desc *grpc.ServiceDesc, around Surroundings) *grpc.ServiceDesc {
	wrapped := *desc
	wrapped.Methods = nil
	for _, m := range desc.Methods {
		m.Handler = around.Unary("/"+desc.ServiceName+"/"+m.MethodName, m.Handler)
		wrapped.Methods = append(wrapped.Methods, m)
	}
	wrapped.Streams = nil
	for _, m := range desc.Streams {
		m.Handler = around.Stream("/"+desc.ServiceName+"/"+m.StreamName, m.Handler)
		wrapped.Streams = append(wrapped.Streams, m)
	}
	return &wrapped
}
