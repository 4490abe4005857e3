package gocosi

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
)

// panicError carries a panic to the log.
type panicError struct {
	value any
	stack string
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// recovering turns the value of a panic into an error, with the stack of the goroutine that panicked.
var recovering = recovery.WithRecoveryHandler(func(value any) error {
	return &panicError{value: value, stack: string(debug.Stack())}
})

var (
	recoverUnary  = recovery.UnaryServerInterceptor(recovering)
	recoverStream = recovery.StreamServerInterceptor(recovering)
)

// recovered turns a panic of anything further in into an error; the stage around it answers INTERNAL.
func (*chain) recovered(ctx context.Context, c *call) (any, error) {
	return recoverUnary(ctx, c.request, c.info, func(ctx context.Context, _ any) (any, error) {
		response, err := c.next(ctx)
		return response, tried(err)
	})
}

// recoveredStream does the same for streaming calls.
func recoveredStream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return recoverStream(server, stream, info, func(server any, stream grpc.ServerStream) error {
		return tried(handler(server, stream))
	})
}

// tried calls the methods of an error that stages further out call, so that a panic of theirs is recovered from as well: an
// error may be a nil pointer.
func tried(err error) error {
	if err != nil {
		_ = err.Error()
		_, _ = statusOf(err)
		_ = errors.Is(err, context.Canceled)
	}
	return err
}
