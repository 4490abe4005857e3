package gocosi

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

// overdueCheck is how often the driver looks for handlers that are past their deadline.
const overdueCheck = time.Second

// calls knows every call that has not been answered: a list whose links are in the calls themselves. Its zero value is
// ready; safe for concurrent use.
type calls struct {
	mu     sync.Mutex
	newest *call
}

// place is where a call stands in the list, and when it has to end.
type place struct {
	older, newer *call // guarded by the list's mutex
	reported     bool  // that it is overdue; guarded by the list's mutex

	limit string       // what set due: a variable, or the caller; written before due is
	due   atomic.Int64 // how many nanoseconds after its start the call has to end; 0: never
}

func (cs *calls) enter(c *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.older = cs.newest; c.older != nil {
		c.older.newer = c
	}
	cs.newest = c
}

// expect records, once, when an open call has to end.
func (c *call) expect(due time.Time, limit string) {
	c.limit = limit
	c.due.Store(int64(max(1, due.Sub(c.start))))
}

// overdue says whether the call should have ended before now.
func (c *call) overdue(now time.Time) bool {
	due := c.due.Load()
	return due > 0 && now.Sub(c.start) > time.Duration(due)
}

// leave cuts the call's links too: a handler may keep its context, and with it the call.
func (cs *calls) leave(c *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		cs.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	}
	c.older, c.newer = nil, nil
}

// each visits the open calls; mu is held.
func (cs *calls) each(visit func(*call)) {
	for c := cs.newest; c != nil; c = c.older {
		visit(c)
	}
}

// unanswered describes the calls that have no answer yet.
func (cs *calls) unanswered(now time.Time) []string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var list []string
	cs.each(func(c *call) { list = append(list, c.describe(now)) })
	slices.Sort(list)
	return list
}

// describe names a call and how long it has been going on.
func (c *call) describe(now time.Time) string {
	words := []string{c.name, c.bucket, c.account, fmt.Sprintf("(%s)", now.Sub(c.start).Round(time.Millisecond))}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// watch logs each handler once that is still running after its deadline, until ctx ends. Such a call is not detached:
// it keeps its bucket, and answers when it returns.
func (cs *calls) watch(ctx context.Context, log logr.Logger) {
	tick := time.NewTicker(overdueCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for c, limit := range cs.overdue(now) {
				log.Info("a handler does not heed its deadline", "method", c.name, "bucket", c.bucket, "account", c.account,
					"age", now.Sub(c.start).String(), "limit", limit)
			}
		}
	}
}

// overdue returns the calls that are past their deadline, each of them once, with what set it.
func (cs *calls) overdue(now time.Time) map[*call]string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	late := map[*call]string{}
	cs.each(func(c *call) {
		if !c.reported && c.overdue(now) {
			c.reported = true
			late[c] = c.limit
		}
	})
	return late
}
