package gocosi

import (
	"context"
	"errors"
)

// limitOfCaller stands in the log for a deadline that no variable set.
const limitOfCaller = "the caller's"

// limited gives the handler of a call that came without a deadline one of its own: the released sidecar sets none. It
// starts when the call's turn has come.
func (ch *chain) limited(ctx context.Context, c *call) (any, error) {
	if due, ok := ctx.Deadline(); ok {
		c.Expect(due, limitOfCaller)
		return c.next(ctx)
	}
	if ch.rpcTimeout == 0 {
		return c.next(ctx)
	}
	due := c.turn.Add(ch.rpcTimeout)
	c.lazy.Begin(ctx, due)
	defer c.lazy.End()
	c.Expect(due, EnvCOSIRPCTimeout)
	response, err := c.next(&c.lazy)
	c.expired = err != nil && errors.Is(c.lazy.Err(), context.DeadlineExceeded)
	return response, err
}
