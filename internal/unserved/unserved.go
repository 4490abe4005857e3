// Package unserved answers calls of services and methods that a server lacks, such as those of another generation of the
// specification.
package unserved

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/bound"
)

// Handler refuses every call that it gets. Its methods are safe for concurrent use once Know has returned.
type Handler struct {
	log     logr.Logger
	methods map[string]bool // full names of what is served
	names   string          // the services, for people

	mu    sync.Mutex
	asked map[string]bool

	refused atomic.Int64
}

// New makes a handler that names in log what it refused.
func New(log logr.Logger) *Handler {
	return &Handler{log: log, methods: map[string]bool{}, asked: map[string]bool{}}
}

// Know records what the server serves; it is called once, before any call.
func (h *Handler) Know(services map[string]grpc.ServiceInfo) {
	var names []string
	for service, info := range services {
		names = append(names, service)
		for _, m := range info.Methods {
			h.methods["/"+service+"/"+m.Name] = true
		}
	}
	slices.Sort(names)
	h.names = bound.Join(names)
}

// Serves reports whether the server has the method.
func (h *Handler) Serves(fullMethod string) bool { return h.methods[fullMethod] }

// Refused counts the calls that were refused.
func (h *Handler) Refused() int64 { return h.refused.Load() }

// Refuse answers UNIMPLEMENTED. It is a handler for [grpc.UnknownServiceHandler].
func (h *Handler) Refuse(_ any, stream grpc.ServerStream) error {
	h.refused.Add(1)
	method, _ := grpc.MethodFromServerStream(stream)
	method = bound.Printable(method, bound.Name)
	if h.first(method) {
		h.log.Info("method is not served", "method", method, "serves", h.names)
	}
	return status.Errorf(codes.Unimplemented, "%q is not served; this driver serves %s", method, h.names)
}

// first reports whether nobody asked for the method before; after the first few, none is first.
func (h *Handler) first(method string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked[method] || len(h.asked) >= bound.Methods {
		return false
	}
	h.asked[method] = true
	return true
}
