package cositest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// maxDeaths is in how many cases the driver may die before the run ends.
const maxDeaths = 6

// again waits for a driver whose connection was lost, and runs the case once more: a driver that was restarted in the
// meantime is innocent, one that dies of the case dies again.
func (r *runner) again(ctx context.Context, k Case, first *trial, lost error, left []LeftOver) (o Outcome, reason string, leftover []LeftOver) {
	left, err := r.tidy(ctx, first, left)
	if err != nil {
		reason = r.dead(lost, err)
		if ctx.Err() != nil {
			return NotReached, context.Cause(ctx).Error(), left
		}
		return Failed, reason, left
	}
	r.client.story.note("the connection was lost; the driver is there again, and the case is run once more")
	second, err := r.once(ctx, k)
	leftAgain := second.cleanUp(ctx)
	died := r.client.lostIn()
	if died == nil {
		o, reason = r.outcome(ctx, k, err)
		if o == Passed {
			reason = fmt.Sprintf("the driver went away during the case and came back, and the case passed when it was run again (%v)", lost)
		}
		return o, reason, append(left, leftAgain...)
	}
	r.deaths++
	reason = fmt.Sprintf("the driver dies of this case: its connection was lost, and lost again when the case was run once more: %v", died)
	leftAgain, err = r.tidy(ctx, second, leftAgain)
	left = append(left, leftAgain...)
	if err != nil {
		r.stopped = "the driver no longer answers: " + err.Error()
	} else if r.deaths >= maxDeaths {
		r.stopped = fmt.Sprintf("the driver died in %d cases: fix these first", r.deaths)
	}
	if ctx.Err() != nil {
		return NotReached, context.Cause(ctx).Error(), left
	}
	return Failed, reason, left
}

// dead ends the run, and returns the reason of the case that found a dead driver: why a call failed, and why those after it
// do, if that says more.
func (r *runner) dead(first, now error) string {
	const words = "the driver no longer answers"
	r.stopped = words + ": " + now.Error()
	if strings.HasSuffix(first.Error(), now.Error()) {
		return fmt.Sprintf("%v; %s", first, words)
	}
	return fmt.Sprintf("%v; %s", first, r.stopped)
}

// tidy waits for a driver whose connection was lost, and cleans up again what was left while it was away. What has to be
// called for that may be what the driver dies of.
func (r *runner) tidy(ctx context.Context, t *trial, left []LeftOver) ([]LeftOver, error) {
	if err := r.client.awaken(ctx); err != nil {
		return left, err
	}
	left = t.cleanUp(ctx)
	return left, r.client.awaken(ctx)
}

// awaken waits until the driver answers again, and returns why it does not.
func (c *client) awaken(ctx context.Context) error {
	const look = 20 * time.Millisecond
	for deadline := time.Now().Add(c.timeout); ; {
		if conn, ok := c.conn.(*grpc.ClientConn); ok {
			conn.ResetConnectBackoff() // a supervisor may need a while, and the connection should not add to it
		}
		err := c.ping(ctx)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		if _, silent := err.(silentError); silent || !sleep(ctx, look) { //nolint:errorlint // ping returns nothing that wraps
			return err
		}
	}
}
