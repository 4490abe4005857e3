// Package lazyctx defers a context's timer until somebody asks for it.
package lazyctx

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Context behaves like the result of context.WithDeadline, but makes its timer only when somebody asks for it: most
// handlers never wait for the end of their context, and a timer costs as much as all other stages of a call together.
// Until then it is its parent with a deadline; from then on the standard library's context answers every question, and
// derived contexts attach to that one.
//
// Its zero value is good for one Begin, before it is used. Safe for concurrent use after that; not to be copied.
type Context struct {
	context.Context //nolint:containedctx // the parent, of which this is a child

	at    time.Time
	mu    sync.Mutex
	ended bool // guarded by mu
	real  atomic.Pointer[realContext]
}

// realContext holds a context of the standard library's and what ends it.
type realContext struct {
	context.Context //nolint:containedctx // what the lazy one has become

	cancel context.CancelFunc
}

// Begin sets parent and deadline. Whoever calls it must call End.
func (c *Context) Begin(parent context.Context, at time.Time) { c.Context, c.at = parent, at }

// End cancels the context. One whose deadline passed without anybody asking counts as cancelled: finding out would cost
// a reading of the clock for each call.
func (c *Context) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if r := c.real.Load(); r != nil {
		r.cancel()
	}
}

// Deadline returns the deadline that Begin set.
func (c *Context) Deadline() (time.Time, bool) { return c.at, true }

// Done needs the timer.
func (c *Context) Done() <-chan struct{} { return c.become().Done() }

// Err needs no timer as long as there is no error; the first one has to stay.
func (c *Context) Err() error {
	if c.real.Load() == nil && c.open() {
		return nil
	}
	return c.become().Err()
}

// open reports whether nothing has ended the context.
func (c *Context) open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.ended && c.Context.Err() == nil && time.Now().Before(c.at)
}

// Value finds what the parent holds; the standard library's context also finds itself, to attach its children to.
func (c *Context) Value(key any) any {
	if r := c.real.Load(); r != nil {
		return r.Value(key)
	}
	return c.Context.Value(key)
}

// String prints the standard library's context. Without it a print would read, by reflection, what others are changing.
func (c *Context) String() string { return fmt.Sprint(c.become().Context) }

// become makes the standard library's context, once.
func (c *Context) become() *realContext {
	if r := c.real.Load(); r != nil {
		return r
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.real.Load(); r != nil {
		return r
	}
	r := c.build()
	c.real.Store(r)
	return r
}

// build makes what become returns; mu is held. When the deadline passed and the parent ended before anybody asked, the
// parent counts: nobody knows which came first.
func (c *Context) build() *realContext {
	if c.ended {
		ctx, cancel := context.WithCancel(c.Context)
		cancel()
		return &realContext{ctx, cancel}
	}
	ctx, cancel := context.WithDeadline(c.Context, c.at)
	return &realContext{ctx, cancel}
}
