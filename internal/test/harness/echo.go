package harness

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Echo implements an author's additional service, test.Echo, with functions.
type Echo struct {
	Unary  func(context.Context) (*wrapperspb.StringValue, error)
	Stream func(grpc.ServerStream) error
}

// Register registers the service. Tests pass it to WithServices.
func (e *Echo) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Echo",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: e.handle}},
		Streams: []grpc.StreamDesc{{
			StreamName: "Stream", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error { return e.Stream(s) },
		}},
	}, e)
}

// handle handles a unary call as generated code does.
//
//nolint:revive // gRPC sets the order
func (e *Echo) handle(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	var in emptypb.Empty
	if err := decode(&in); err != nil {
		return nil, err
	}
	info := &grpc.UnaryServerInfo{Server: e, FullMethod: "/test.Echo/Unary"}
	return interceptor(ctx, &in, info, func(ctx context.Context, _ any) (any, error) { return e.Unary(ctx) })
}

// CallUnary calls Unary.
func CallUnary(t testing.TB, conn *grpc.ClientConn) (string, error) {
	t.Helper()
	var out wrapperspb.StringValue
	err := conn.Invoke(Timeout(t), "/test.Echo/Unary", &emptypb.Empty{}, &out)
	return out.GetValue(), err
}

// CallStream calls Stream and returns the text of its first message.
func CallStream(t testing.TB, conn *grpc.ClientConn) (string, error) {
	t.Helper()
	s, err := conn.NewStream(Timeout(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Stream")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var out wrapperspb.StringValue
	err = s.RecvMsg(&out)
	return out.GetValue(), err
}
