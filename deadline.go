package gocosi

import (
	"context"
	"errors"
	"time"
)

// limited gives the handler of a call that came without a deadline one of its own: the released sidecar sets none.
func (ch *chain) limited(ctx context.Context, c *call) (any, error) {
	if t, ok := ctx.Deadline(); ok || ch.rpcTimeout == 0 {
		ch.calls.expect(c, deadline{at: t})
		return c.next(ctx)
	}
	t := time.Now().Add(ch.rpcTimeout)
	ctx, cancel := context.WithDeadline(ctx, t)
	defer cancel()
	ch.calls.expect(c, deadline{at: t, limit: EnvCOSIRPCTimeout})
	response, err := c.next(ctx)
	c.done.expired = err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	return response, err
}
