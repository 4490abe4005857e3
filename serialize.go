package gocosi

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/keylock"
	"github.com/doomshrine/gocosi/internal/methods"
)

// serialized lets calls for one bucket take turns within this process (requirements GEN-10 and GRANT-15). A call that
// waits longer than the RPC timeout is refused and says for whom it waited.
func (ch *chain) serialized(ctx context.Context, c *call) (any, error) {
	if c.method == nil || c.method.Serialize == methods.SideBySide {
		return c.next(ctx)
	}
	locks := &ch.locks[c.method.Serialize]
	since, err := locks.Lock(ctx, c.Bucket, c.Name, c.turn, ch.rpcTimeout)
	if busy, ok := errors.AsType[*keylock.TimeoutError](err); ok {
		return nil, status.Errorf(codes.Aborted, "bucket %q is busy: %s has been working on it for %s",
			c.Bucket, busy.Holder, busy.Age.Round(time.Millisecond))
	}
	if err != nil {
		return nil, err
	}
	defer locks.Unlock(c.Bucket)
	c.turn = since
	return c.next(ctx)
}
