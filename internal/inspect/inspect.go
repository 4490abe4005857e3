// Package inspect lets a test look into a running driver: who puts a key of this package into the context of Run is
// offered what the driver holds.
package inspect

import (
	"context"

	"google.golang.org/grpc"
)

// Driver shows what a running driver holds. Its functions are safe for concurrent use.
type Driver struct {
	// Method surrounds a method, which it is told by its full name, with everything that the driver puts around a call.
	Method func(name string, handler grpc.MethodHandler) grpc.MethodHandler
	Locks  func() int // counts the buckets that are locked
	Calls  func() int // counts the calls that are under way
}

type key struct{}

// With returns a context in which Run calls see once, before Addr returns.
func With(ctx context.Context, see func(Driver)) context.Context {
	return context.WithValue(ctx, key{}, see)
}

// Offer shows the driver to whoever asked for it in ctx.
func Offer(ctx context.Context, d Driver) {
	if see, ok := ctx.Value(key{}).(func(Driver)); ok {
		see(d)
	}
}
