// Package methods says what the library has to know of each RPC to take a call through its stages. Each generation of COSI
// describes its own RPCs in a package of its own, and the chain works from these descriptions alone.
package methods

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/rules"
)

// Method describes one RPC.
type Method struct {
	Name     string                              // as logs and messages show it
	FullName string                              // Table sets it
	Changes  bool                                // a successful call is worth a line in the log
	Handler                                      // calls the server's method
	Bucket   func(request any) string            // nil: it names none
	Account  func(request any) string            // nil: it names none
	Secrets  func(request any) map[string]string // whose values are nobody's business; nil: there are none
	Kept     func(request any) any               // what an answer is checked against, out of the handler's reach; nil: nothing
	Own      func(response any) any              // an answer out of the handler's reach; nil: as it is
	Result   Label                               // what the answer names

	Generation  *Generation                // that the method is of; Table sets it
	Serialize   Space                      // in which calls for one bucket take turns
	Others      func(request any) []string // further buckets whose turn the call needs; nil: none
	Translation Translation                // of the handler's status code

	RequestRules  []string // by which its requests are refused
	ResponseRules []string // by which its answers are refused
}

// Label names a value of an answer for the log.
type Label struct {
	Key   string // "": there is none
	Value func(response any) string
}

// Translation turns a code into the one that the released sidecar understands.
type Translation struct {
	Rule string // "": there is none
	From codes.Code
	To   codes.Code
	// Always translates the status whoever it comes from, wrapped or not. Otherwise only one that the handler itself
	// returned counts.
	Always bool
	// Reply makes the answer when To is OK.
	Reply func() any
}

// Space is a set of buckets' keys: the same text may be the name of one bucket and the id of another.
type Space int

// The spaces.
const (
	SideBySide Space = iota // calls take no turns
	ByName                  // Create knows only the bucket's name
	ByID                    // the other calls know only its id
	Spaces                  // how many there are
)

// Of makes a getter of a message one of any message; in another message it finds "".
func Of[T any](get func(T) string) func(any) string {
	return func(message any) string {
		m, _ := message.(T)
		return get(m)
	}
}

// Clone copies an answer that has maps: the process would die if the handler wrote to one while gRPC reads it.
func Clone(response any) any {
	if m, ok := response.(proto.Message); ok {
		return proto.Clone(m)
	}
	return response
}

// Secrets does the same as Of for a map.
func Secrets[T any](get func(T) map[string]string) func(any) map[string]string {
	return func(message any) map[string]string {
		m, _ := message.(T)
		return get(m)
	}
}

// ErrNoResult reports success without a result (requirement GEN-16).
var ErrNoResult = status.Error(codes.Internal, "the handler returned neither a response nor an error")

// CheckResponse refuses a result that is missing, that is not of the method's type, or that cannot be sent. A nil Method takes
// any type: a codec of the author's may know it.
func (m *Method) CheckResponse(response any) error {
	if foreign.IsNil(response) {
		return ErrNoResult
	}
	if m != nil && !m.IsResponse(response) {
		return status.Errorf(codes.Internal, "the driver's answer is a %T", response)
	}
	if err := rules.Sendable(response); err != nil {
		return status.Errorf(codes.Internal, "the driver's answer cannot be sent: %v", err)
	}
	return nil
}

// Describe describes a service to gRPC by its methods in a table. The server is a nil pointer to the interface that
// implements it, and file is the path of the service's definition.
func Describe(service, file string, server any, table map[string]*Method) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: service, HandlerType: server, Metadata: file}
	for name, m := range table {
		if method, ok := strings.CutPrefix(name, "/"+service+"/"); ok {
			desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: method, Handler: m.generic})
		}
	}
	return desc
}

// generic serves a method as generated code does.
//
//nolint:revive // gRPC sets the order
func (m *Method) generic(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	request := m.NewRequest()
	if err := decode(request); err != nil {
		return nil, err
	}
	handler := func(ctx context.Context, request any) (any, error) { return m.Serve(ctx, server, request) }
	if interceptor == nil {
		return handler(ctx, request)
	}
	return interceptor(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: m.FullName}, handler)
}

// Handler makes a method's request, and calls the method of a server.
type Handler struct {
	NewRequest func() any
	IsResponse func(any) bool
	Serve      func(ctx context.Context, server, request any) (any, error)
}

// HandlerOf makes a Handler of a method's expression.
func HandlerOf[S, Q, R any](method func(S, context.Context, *Q) (*R, error)) Handler {
	return Handler{
		NewRequest: func() any { return new(Q) },
		IsResponse: func(v any) bool { _, ok := v.(*R); return ok },
		Serve: func(ctx context.Context, server, request any) (any, error) {
			return method(server.(S), ctx, request.(*Q)) //nolint:forcetypeassert // recovered from, as any panic of a handler's
		},
	}
}
