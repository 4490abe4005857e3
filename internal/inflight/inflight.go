// Package inflight tracks the calls that have no answer yet, and logs those that are past their deadline.
package inflight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

// lateCheck spaces the times at which Watch looks for calls that are past their deadline.
const lateCheck = time.Second

// Table lists the open calls, linked through the calls themselves. Its zero value is ready; safe for concurrent use.
type Table struct {
	mu     sync.Mutex
	newest *Call
}

// Call describes an open call, and links it into a Table. Whoever serves the call embeds it by value, so that it costs no
// allocation of its own.
type Call struct {
	Name    string // of the method, as logs show it
	Bucket  string
	Account string
	Start   time.Time

	older, newer *Call // guarded by the table's mutex
	logged       bool  // as late; guarded by the table's mutex

	limit string       // what set due; written before due is
	due   atomic.Int64 // nanoseconds from Start to the deadline; 0: none
}

// Enter adds a call to the table.
func (t *Table) Enter(c *Call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.older = t.newest; c.older != nil {
		c.older.newer = c
	}
	t.newest = c
}

// Leave removes a call. It cuts the call's links too: a handler may keep its context, and with it the call.
func (t *Table) Leave(c *Call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		t.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	}
	c.older, c.newer = nil, nil
}

// Expect records, once, the deadline of an open call and what set it: a variable, or the caller.
func (c *Call) Expect(due time.Time, limit string) {
	c.limit = limit
	c.due.Store(int64(max(1, due.Sub(c.Start))))
}

// Unanswered describes the open calls, sorted.
func (t *Table) Unanswered(now time.Time) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for c := t.newest; c != nil; c = c.older {
		list = append(list, c.describe(now))
	}
	slices.Sort(list)
	return list
}

// describe names a call and its age.
func (c *Call) describe(now time.Time) string {
	words := []string{c.Name, c.Bucket, c.Account, fmt.Sprintf("(%s)", now.Sub(c.Start).Round(time.Millisecond))}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// Watch logs the calls that are still open after their deadline, each once, until ctx ends. Such a call keeps its bucket, and is
// answered when its handler returns.
func (t *Table) Watch(ctx context.Context, log logr.Logger) {
	tick := time.NewTicker(lateCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, c := range t.late(now) {
				log.Info("handler is past its deadline", "method", c.Name, "bucket", c.Bucket, "account", c.Account,
					"age", now.Sub(c.Start).String(), "limit", c.limit)
			}
		}
	}
}

// late returns the calls that are past their deadline, each of them once.
func (t *Table) late(now time.Time) []*Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	var late []*Call
	for c := t.newest; c != nil; c = c.older {
		if due := c.due.Load(); !c.logged && due > 0 && now.Sub(c.Start) > time.Duration(due) {
			c.logged = true
			late = append(late, c)
		}
	}
	return late
}
