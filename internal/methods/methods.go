// Package methods holds what the library knows of each RPC of the specification. The chain works from this table alone, so
// a later version of the specification adds its methods here.
package methods

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/rules"
)

// Method describes one RPC.
type Method struct {
	Name     string // as logs and messages show it
	FullName string
	Changes  bool // a successful call is worth a line in the log
	Handler       // calls the server's method
	Bucket   func(request any) string
	Account  func(request any) string
	Secrets  func(request any) map[string]string // whose values are nobody's business
	Kept     func(request any) any               // what an answer is checked against, out of the handler's reach; nil: nothing
	Own      func(response any) any              // an answer out of the handler's reach; nil: as it is
	Result   Label                               // what the answer names

	Serialize   Space       // in which calls for one bucket take turns
	Translation Translation // of the handler's status code
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

// Table returns the methods of v1alpha1, by full method name.
func Table() map[string]*Method {
	all := list()
	for name, m := range all {
		m.FullName = name
	}
	return all
}

func list() map[string]*Method {
	return map[string]*Method{
		"/cosi.v1alpha1.Identity/DriverGetInfo": {
			Name:    "DriverGetInfo",
			Handler: handler(cosi.IdentityServer.DriverGetInfo),
			Secrets: nobody,
			Bucket:  nothing,
			Account: nothing,
			Result:  Label{"driver", of((*cosi.DriverGetInfoResponse).GetName)},
		},
		"/cosi.v1alpha1.Provisioner/DriverCreateBucket": {
			Name:      "DriverCreateBucket",
			Handler:   handler(cosi.ProvisionerServer.DriverCreateBucket),
			Secrets:   secrets((*cosi.DriverCreateBucketRequest).GetParameters),
			Changes:   true,
			Bucket:    of((*cosi.DriverCreateBucketRequest).GetName),
			Account:   nothing,
			Result:    Label{"bucket_id", of((*cosi.DriverCreateBucketResponse).GetBucketId)},
			Serialize: ByName,
		},
		"/cosi.v1alpha1.Provisioner/DriverDeleteBucket": {
			Name:      "DriverDeleteBucket",
			Handler:   handler(cosi.ProvisionerServer.DriverDeleteBucket),
			Secrets:   secrets((*cosi.DriverDeleteBucketRequest).GetDeleteContext),
			Changes:   true,
			Bucket:    of((*cosi.DriverDeleteBucketRequest).GetBucketId),
			Account:   nothing,
			Serialize: ByID,
			Translation: Translation{
				Rule: "DELETE-2", From: codes.NotFound, To: codes.OK,
				Reply: func() any { return &cosi.DriverDeleteBucketResponse{} },
			},
		},
		"/cosi.v1alpha1.Provisioner/DriverGrantBucketAccess": {
			Name:        "DriverGrantBucketAccess",
			Handler:     handler(cosi.ProvisionerServer.DriverGrantBucketAccess),
			Secrets:     secrets((*cosi.DriverGrantBucketAccessRequest).GetParameters),
			Kept:        keepType,
			Own:         clone,
			Changes:     true,
			Bucket:      of((*cosi.DriverGrantBucketAccessRequest).GetBucketId),
			Account:     of((*cosi.DriverGrantBucketAccessRequest).GetName),
			Result:      Label{"account_id", of((*cosi.DriverGrantBucketAccessResponse).GetAccountId)},
			Serialize:   ByID,
			Translation: Translation{Rule: "GRANT-11", From: codes.AlreadyExists, To: codes.FailedPrecondition, Always: true},
		},
		"/cosi.v1alpha1.Provisioner/DriverRevokeBucketAccess": {
			Name:      "DriverRevokeBucketAccess",
			Handler:   handler(cosi.ProvisionerServer.DriverRevokeBucketAccess),
			Secrets:   secrets((*cosi.DriverRevokeBucketAccessRequest).GetRevokeAccessContext),
			Changes:   true,
			Bucket:    of((*cosi.DriverRevokeBucketAccessRequest).GetBucketId),
			Account:   of((*cosi.DriverRevokeBucketAccessRequest).GetAccountId),
			Serialize: ByID,
			Translation: Translation{
				Rule: "REVOKE-4", From: codes.NotFound, To: codes.OK,
				Reply: func() any { return &cosi.DriverRevokeBucketAccessResponse{} },
			},
		},
	}
}

// of makes a getter of a message one of any message; in another message it finds "".
func of[T any](get func(T) string) func(any) string {
	return func(message any) string {
		m, _ := message.(T)
		return get(m)
	}
}

func nothing(any) string { return "" }

// clone copies an answer that has maps: the process would die if the handler wrote to one while gRPC reads it.
func clone(response any) any {
	if m, ok := response.(proto.Message); ok {
		return proto.Clone(m)
	}
	return response
}

// keepType keeps what decides on a grant's credentials.
func keepType(request any) any {
	r, _ := request.(*cosi.DriverGrantBucketAccessRequest)
	return &cosi.DriverGrantBucketAccessRequest{AuthenticationType: r.GetAuthenticationType()}
}

func nobody(any) map[string]string { return nil }

// secrets does the same as of for a map.
func secrets[T any](get func(T) map[string]string) func(any) map[string]string {
	return func(message any) map[string]string {
		m, _ := message.(T)
		return get(m)
	}
}

// errNoResult reports success without a result (requirement GEN-16).
var errNoResult = status.Error(codes.Internal, "the handler returned neither a response nor an error")

// CheckResponse refuses a result that is missing, that is not of the method's type, or that cannot be sent. A nil Method takes
// any type: a codec of the author's may know it.
func (m *Method) CheckResponse(response any) error {
	if foreign.IsNil(response) {
		return errNoResult
	}
	if m != nil && !m.IsResponse(response) {
		return status.Errorf(codes.Internal, "the driver's answer is a %T", response)
	}
	if err := rules.Sendable(response); err != nil {
		return status.Errorf(codes.Internal, "the driver's answer cannot be sent: %v", err)
	}
	return nil
}

// Services describes the services whose methods the table has. The bindings keep their own descriptions to themselves.
func Services() (identity, provisioner *grpc.ServiceDesc) {
	return describe("cosi.v1alpha1.Identity", (*cosi.IdentityServer)(nil)),
		describe("cosi.v1alpha1.Provisioner", (*cosi.ProvisionerServer)(nil))
}

func describe(service string, server any) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{
		ServiceName: service, HandlerType: server,
		Metadata: "sigs.k8s.io/container-object-storage-interface-spec/cosi.proto",
	}
	for name, m := range Table() {
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

// handler makes a Handler of a method's expression.
func handler[S, Q, R any](method func(S, context.Context, *Q) (*R, error)) Handler {
	return Handler{
		NewRequest: func() any { return new(Q) },
		IsResponse: func(v any) bool { _, ok := v.(*R); return ok },
		Serve: func(ctx context.Context, server, request any) (any, error) {
			return method(server.(S), ctx, request.(*Q)) //nolint:forcetypeassert // recovered from, as any panic of a handler's
		},
	}
}
