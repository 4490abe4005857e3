package gocosi

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/telemetry"
)

// Chain is what a driver puts around each call, without a server.
type Chain struct {
	chain *chain
	flush func()
}

// NewChain makes the chain of a driver with the options. The caller owes a Close.
func NewChain(options ...Option) (Chain, error) {
	c := newConfig(options)
	s, _, err := c.settle()
	if err != nil {
		return Chain{}, err
	}
	t, err := telemetry.Start(context.Background(), c.telemetry, "test.example.com", "test", c.log)
	if err != nil {
		return Chain{}, err
	}
	return Chain{newChain(c, s, t), t.Flush}, nil
}

// Close ends what NewChain began.
func (c Chain) Close() { c.flush() }

// Call makes a call of the method, such as /cosi.v1alpha1.Provisioner/DriverCreateBucket.
func (c Chain) Call(ctx context.Context, method string, request any, handler grpc.UnaryHandler) (any, error) {
	return c.chain.unary(ctx, request, &grpc.UnaryServerInfo{FullMethod: method}, handler)
}

// Locks is the number of buckets that are locked.
func (c Chain) Locks() int {
	held := 0
	for i := range c.chain.locks {
		held += c.chain.locks[i].Len()
	}
	return held
}

// Calls is the number of calls without an answer.
func (c Chain) Calls() int { return len(c.chain.calls.Unanswered(time.Now())) }
