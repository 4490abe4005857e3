package gocosi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// limitOfCaller stands in the log for a deadline that no variable set.
const limitOfCaller = "the caller's"

// limited gives the handler of a call that came without a deadline one of its own: the released sidecar sets none. It
// starts when the call's turn has come.
func (ch *chain) limited(ctx context.Context, c *call) (any, error) {
	if due, ok := ctx.Deadline(); ok {
		c.expect(due, limitOfCaller)
		return c.next(ctx)
	}
	if ch.rpcTimeout == 0 {
		return c.next(ctx)
	}
	l := &c.lazy
	l.Context, l.at = ctx, c.turn.Add(ch.rpcTimeout)
	defer l.end()
	c.expect(l.at, EnvCOSIRPCTimeout)
	response, err := c.next(l)
	c.expired = err != nil && errors.Is(l.Err(), context.DeadlineExceeded)
	return response, err
}

// lazyContext is a context with a deadline: what context.WithDeadline would return, made only when somebody asks for
// it. Most handlers never wait for the end of their context, and a timer costs as much as all other stages together. Until
// then it is its parent with a deadline; from then on it is the standard library's context in everything, so that
// contexts which are derived from it attach to that one.
type lazyContext struct {
	context.Context //nolint:containedctx // the parent, of which this is a child

	at    time.Time
	mu    sync.Mutex
	ended bool // guarded by mu
	real  atomic.Pointer[realContext]
}

// realContext is a context of the standard library's with what ends it.
type realContext struct {
	context.Context //nolint:containedctx // what the lazy one has become

	cancel context.CancelFunc
}

// Deadline is the call's.
func (l *lazyContext) Deadline() (time.Time, bool) { return l.at, true }

// Done needs the timer.
func (l *lazyContext) Done() <-chan struct{} { return l.become().Done() }

// Err needs no timer as long as there is no error; the first one has to stay.
func (l *lazyContext) Err() error {
	if l.real.Load() == nil && l.open() {
		return nil
	}
	return l.become().Err()
}

// open says whether nothing has ended the context.
func (l *lazyContext) open() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.ended && l.Context.Err() == nil && time.Now().Before(l.at)
}

// Value finds what the parent holds; the standard library's context also finds itself, to attach its children to.
func (l *lazyContext) Value(key any) any {
	if r := l.real.Load(); r != nil {
		return r.Value(key)
	}
	return l.Context.Value(key)
}

// String is the standard library's. Without it a print would read, by reflection, what others are changing.
func (l *lazyContext) String() string { return fmt.Sprint(l.become().Context) }

// end cancels the context, after the handler has returned. One whose deadline passed without anybody asking counts as
// cancelled: to know better would take the time of each call's end.
func (l *lazyContext) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if r := l.real.Load(); r != nil {
		r.cancel()
	}
}

// become makes the standard library's context, once.
func (l *lazyContext) become() *realContext {
	if r := l.real.Load(); r != nil {
		return r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.real.Load(); r != nil {
		return r
	}
	r := l.make()
	l.real.Store(r)
	return r
}

// make makes what become returns; mu is held. When the deadline passed and the parent ended before anybody asked, the
// parent counts: nobody knows which came first.
func (l *lazyContext) make() *realContext {
	if l.ended {
		ctx, cancel := context.WithCancel(l.Context)
		cancel()
		return &realContext{ctx, cancel}
	}
	ctx, cancel := context.WithDeadline(l.Context, l.at)
	return &realContext{ctx, cancel}
}
