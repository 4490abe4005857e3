package lazyctx_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doomshrine/gocosi/internal/lazyctx"
)

// rpcTimeout is the deadline of calls in these tests.
const rpcTimeout = 10 * time.Second

type contextKey struct{}

var errCause = errors.New("the parent's cause")

// watched records what a handler sees of its context.
type watched struct {
	context.Context //nolint:containedctx // the watched context

	cancelParent context.CancelCauseFunc
	began        time.Time

	mu   sync.Mutex
	seen []string
}

// see records everything that a context reports about its end.
func (h *watched) see(ctx context.Context, what string) {
	synctest.Wait()
	err := ctx.Err()
	closed := false
	select {
	case <-ctx.Done():
		closed = true
	default:
	}
	h.note("%s after %s: %v, cause %v, done %t, again %v", what, time.Since(h.began), err, context.Cause(ctx), closed, ctx.Err())
}

func (h *watched) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, fmt.Sprintf(format, args...))
}

// byTheStandardLibrary runs a handler with a context of context.WithTimeout.
func byTheStandardLibrary(parent context.Context, t *testing.T, handler func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(parent, rpcTimeout)
	defer cancel()
	handler(ctx)
}

// lazily runs a handler with a lazy context.
func lazily(parent context.Context, t *testing.T, handler func(context.Context)) {
	t.Helper()
	var c lazyctx.Context
	c.Begin(parent, time.Now().Add(rpcTimeout))
	defer c.End()
	handler(&c)
}

// TestContextIsLikeTheStandardLibrarys checks that a lazy context behaves like a context of context.WithTimeout.
func TestContextIsLikeTheStandardLibrarys(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		during func(*watched) // in the handler
		after  func(*watched) // after its return; nil checks the end
	}{
		"never asked": {during: func(*watched) {}},
		"its deadline": {during: func(h *watched) {
			end, ok := h.Deadline()
			h.note("%s, %t", time.Until(end), ok)
		}},
		"asked in time": {during: func(h *watched) {
			time.Sleep(rpcTimeout - 1)
			h.see(h, "before the deadline")
		}},
		"err alone, in time": {during: func(h *watched) { h.note("%v, %v", h.Err(), context.Cause(h)) }},
		"err, after the deadline": {during: func(h *watched) {
			time.Sleep(rpcTimeout + 1)
			h.note("%v, %v", h.Err(), context.Cause(h))
		}},
		"printed": {during: func(h *watched) {
			h.note("%t", strings.Contains(fmt.Sprint(h.Context), ".WithDeadline("))
		}},
		"waits for its deadline": {during: func(h *watched) {
			<-h.Done()
			h.see(h, "waited")
		}},
		"late": {during: func(h *watched) {
			time.Sleep(2 * rpcTimeout)
			h.see(h, "late")
			h.cancelParent(errCause)
			h.see(h, "late, and then the parent")
		}},
		"late, and then the parent": {during: func(h *watched) {
			h.note("%v", h.Done() == nil)
			time.Sleep(2 * rpcTimeout)
			h.cancelParent(errCause)
			h.see(h, "both")
		}},
		"the parent ends, not asked before": {during: func(h *watched) {
			h.cancelParent(errCause)
			h.see(h, "parent")
			time.Sleep(2 * rpcTimeout)
			h.see(h, "later")
		}},
		"the parent ends, asked before": {during: func(h *watched) {
			h.see(h, "before")
			h.cancelParent(errCause)
			h.see(h, "parent")
		}},
		"kept by one who waits": {
			during: func(h *watched) { go func() { <-h.Done(); h.note("woken: %v", h.Err()) }(); synctest.Wait() },
			after:  func(*watched) { synctest.Wait() },
		},
		"kept, and asked much later": {
			during: func(*watched) {},
			after:  func(h *watched) { time.Sleep(2 * rpcTimeout); h.see(h, "much later") },
		},
		"children": {
			during: func(h *watched) {
				child, cancel := context.WithCancelCause(context.WithValue(h, contextKey{}, "inner"))
				grandchild, cancel2 := context.WithTimeout(child, 2*rpcTimeout)
				defer cancel2()
				defer cancel(nil)
				h.note("%v %v", grandchild.Value(contextKey{}), h.Value(contextKey{}))
				h.see(grandchild, "grandchild")
				<-grandchild.Done()
				h.see(grandchild, "grandchild")
				h.see(child, "child")
			},
		},
		"a child ends alone": {during: func(h *watched) {
			child, cancel := context.WithCancelCause(h)
			cancel(errCause)
			h.see(child, "child")
			h.see(h, "context")
		}},
		"a child that is kept": {
			during: func(h *watched) {
				child, cancel := context.WithCancel(h)
				context.AfterFunc(child, func() { h.note("child ended: %v", context.Cause(child)); cancel() })
			},
			after: func(*watched) { synctest.Wait() },
		},
		"a child that is made too late": {
			during: func(*watched) {},
			after: func(h *watched) {
				child, cancel := context.WithTimeout(h, time.Hour)
				defer cancel()
				h.see(child, "child")
			},
		},
		"functions after its end": {during: func(h *watched) {
			stop := context.AfterFunc(h, func() { h.note("stopped, and called") })
			context.AfterFunc(h, func() { h.note("called after %s", time.Since(h.began)) })
			h.note("stopped %t", stop())
			time.Sleep(2 * rpcTimeout)
		}},
		"without its end": {during: func(h *watched) {
			free := context.WithoutCancel(h)
			time.Sleep(rpcTimeout / 2)
			_, limited := free.Deadline()
			h.note("%v %v %t %v", free.Err(), free.Done() == nil, limited, free.Value(contextKey{}))
		}},
		"values": {during: func(h *watched) {
			before := h.Value(contextKey{})
			<-h.Done()
			h.note("%v %v %v", before, h.Value(contextKey{}), h.Value("another"))
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			observe := func(run func(context.Context, *testing.T, func(context.Context))) (seen []string) {
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), contextKey{}, "outer"))
					defer cancel(nil)
					h := &watched{cancelParent: cancel, began: time.Now()}
					run(parent, t, func(ctx context.Context) { h.Context = ctx; tt.during(h) })
					if tt.after != nil {
						tt.after(h)
					}
					h.see(h, "returned")
					seen = h.seen
				})
				return seen
			}
			want, got := observe(byTheStandardLibrary), observe(lazily)
			if !slices.Equal(got, want) {
				t.Errorf("seen:\n%q\nwant what the standard library shows:\n%q", got, want)
			}
		})
	}
}

// TestContextHasNoGoroutines derives many contexts, as clients of stores do. The context must end them without a
// goroutine for each. The test is not parallel, because other tests start goroutines.
func TestContextHasNoGoroutines(t *testing.T) {
	const many = 1000
	lazily(t.Context(), t, func(ctx context.Context) {
		before := runtime.NumGoroutine()
		for range many {
			_, cancel := context.WithCancel(ctx)
			defer cancel()
		}
		if more := runtime.NumGoroutine() - before; more >= many {
			t.Errorf("%d goroutines for %d contexts, want fewer than one each", more, many)
		}
	})
}

// TestContextIsLazy checks that a handler's usual questions make no timer: nothing is allocated but the context itself.
// The test is not parallel, because other tests allocate.
func TestContextIsLazy(t *testing.T) {
	parent, end := t.Context(), time.Now().Add(time.Hour)
	perCall := testing.AllocsPerRun(100, func() {
		c := new(lazyctx.Context)
		c.Begin(parent, end)
		if at, limited := c.Deadline(); c.Err() != nil || c.Value(contextKey{}) != nil || !limited || !at.Equal(end) {
			t.Errorf("%v, %v until %v, want no error until %v", c.Err(), c.Value(contextKey{}), at, end)
		}
		c.End()
	})
	if perCall > 1 {
		t.Errorf("%v allocations for a context, want one", perCall)
	}
}

// TestContextIsMadeOnce uses the context in many goroutines while the handler returns.
func TestContextIsMadeOnce(t *testing.T) {
	t.Parallel()
	for range 200 {
		var using sync.WaitGroup
		ends := make(chan (<-chan struct{}), 16)
		var kept context.Context
		lazily(t.Context(), t, func(ctx context.Context) {
			kept = ctx //nolint:fatcontext // the test checks it afterwards
			for i := range cap(ends) {
				using.Go(func() {
					if i%2 == 0 {
						child, cancel := context.WithCancel(ctx)
						defer cancel()
						<-child.Done()
					}
					_, _, _ = ctx.Err(), ctx.Value(contextKey{}), fmt.Sprint(ctx)
					ends <- ctx.Done()
				})
			}
		})
		using.Wait()
		close(ends)
		for end := range ends {
			if end != kept.Done() {
				t.Fatal("the context has several Done channels, want one")
			}
		}
		if err := kept.Err(); !errors.Is(err, context.Canceled) {
			t.Fatalf("the context ended with %v, want context.Canceled", err)
		}
	}
}

// gate is a parent that calls pass when a context is made of it.
type gate struct {
	context.Context //nolint:containedctx // the gated context

	pass func()
}

func (g gate) Deadline() (time.Time, bool) { g.pass(); return g.Context.Deadline() }

// TestContextIsMadeByTheFirst asks a second time while the first one is being answered.
func TestContextIsMadeByTheFirst(t *testing.T) {
	t.Parallel()
	for range 20 { // the scheduler decides how far the second one comes
		var c lazyctx.Context
		var second sync.WaitGroup
		var ends [2]<-chan struct{}
		c.Begin(gate{t.Context(), sync.OnceFunc(func() {
			asked := make(chan struct{})
			second.Go(func() { close(asked); ends[1] = c.Done() })
			<-asked
			for range 1000 {
				runtime.Gosched()
			}
		})}, time.Now().Add(rpcTimeout))
		ends[0] = c.Done()
		second.Wait()
		c.End()
		if ends[0] != ends[1] {
			t.Fatal("the context has two Done channels, want one")
		}
	}
}

// TestContextIsPolled asks for the error again and again, and for nothing else, while the handler returns.
func TestContextIsPolled(t *testing.T) {
	t.Parallel()
	var polling sync.WaitGroup
	lazily(t.Context(), t, func(ctx context.Context) {
		begun := make(chan struct{})
		polling.Go(func() {
			if err := ctx.Err(); err != nil {
				t.Errorf("the context ended with %v, want no end before the handler's return", err)
			}
			close(begun)
			for giveUp := time.Now().Add(rpcTimeout); ctx.Err() == nil && time.Now().Before(giveUp); {
				runtime.Gosched()
			}
			if err := ctx.Err(); !errors.Is(err, context.Canceled) {
				t.Errorf("the context ended with %v, want context.Canceled", err)
			}
		})
		<-begun
	})
	polling.Wait()
}
