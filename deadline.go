package gocosi

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// deadline is when a call has to end; the zero value is never. Safe for concurrent use.
type deadline struct{ nanos atomic.Int64 }

func (d *deadline) set(t time.Time) { d.nanos.Store(t.UnixNano()) }

func (d *deadline) passed(now time.Time) bool {
	n := d.nanos.Load()
	return n != 0 && now.UnixNano() > n
}

// limited gives the handler of a call that came without a deadline one of its own: the released sidecar sets none.
func (ch *chain) limited(ctx context.Context, c *call) (any, error) {
	if t, ok := ctx.Deadline(); ok {
		c.due.set(t)
		return c.next(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, ch.rpcTimeout)
	defer cancel()
	t, _ := ctx.Deadline()
	c.due.set(t)
	response, err := c.next(ctx)
	c.done.expired = err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	return response, err
}
