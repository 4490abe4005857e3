package gocosi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// overdueCheck is how often the driver looks for handlers that are past their deadline.
const overdueCheck = time.Second

// calls knows every call that has not been answered. Its zero value is ready; safe for concurrent use.
type calls struct {
	mu   sync.Mutex
	open map[*call]deadline
}

// deadline is when a call has to end. The zero value is never.
type deadline struct {
	at       time.Time
	limit    string // the variable that it comes from; "": the caller set it
	reported bool
}

func (cs *calls) enter(c *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open == nil {
		cs.open = make(map[*call]deadline)
	}
	cs.open[c] = deadline{}
}

// expect records when an open call has to end.
func (cs *calls) expect(c *call, d deadline) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open[c] = d
}

func (cs *calls) leave(c *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
}

// unanswered describes the calls that have no answer yet.
func (cs *calls) unanswered(now time.Time) []string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var list []string
	for c := range cs.open {
		list = append(list, c.describe(now))
	}
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

// overdue returns the calls that are past their deadline, each of them once, with the variable that set it.
func (cs *calls) overdue(now time.Time) map[*call]string {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	late := map[*call]string{}
	for c, d := range cs.open {
		if d.reported || d.at.IsZero() || !now.After(d.at) {
			continue
		}
		d.reported = true
		cs.open[c] = d
		late[c] = d.limit
	}
	return late
}
