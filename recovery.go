package gocosi

import (
	"context"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/foreign"
)

// recovering turns the value of a panic into an error, with the stack of the goroutine that panicked.
var recovering = recovery.WithRecoveryHandler(func(value any) error { return foreign.NewPanic(value) })

var (
	recoverUnary  = recovery.UnaryServerInterceptor(recovering)
	recoverStream = recovery.StreamServerInterceptor(recovering)
)

// recovered turns a panic of anything further in into an error; the stage around it answers INTERNAL.
func (*chain) recovered(ctx context.Context, c *call) (any, error) {
	return recoverUnary(ctx, c, c.info, goOn) // the call travels as the request: a closure would be allocated
}

func goOn(ctx context.Context, c any) (any, error) {
	return c.(*call).next(ctx) //nolint:forcetypeassert // recovered passes nothing else
}

// recoveredStream does the same for streaming calls.
func recoveredStream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return recoverStream(server, stream, info, handler)
}

// exited is deferred around all stages. It answers for those that neither returned nor were recovered from: a panic of the
// library's own code, of an interceptor of WithServerOptions or of a value that they touched, and the end of the goroutine.
func (c *call) exited(ctx context.Context) {
	value := recover()
	switch {
	case c.finished: // the call was answered; what failed is its line
	case value != nil:
		c.finish(ctx, nil, foreign.NewPanic(value))
	default:
		c.finish(ctx, nil, foreign.NewExit())
	}
}

// errUnexpected answers a call that ended otherwise than by a return.
func errUnexpected(method string) error {
	return status.Error(codes.Internal, method+" failed unexpectedly; the driver's log has the cause")
}
