package gocosi

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
)

// panicError is a panic on its way to the log.
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

// recovered makes a panic of anything further in an error; the stage around it answers INTERNAL.
func (*chain) recovered(ctx context.Context, c *call) (any, error) {
	return recoverUnary(ctx, c.request, c.info, func(ctx context.Context, _ any) (any, error) { return c.next(ctx) })
}
