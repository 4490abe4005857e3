package gocosi

import (
	"context"
	"fmt"
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
	open map[*call]bool // true: reported as overdue
}

func (cs *calls) enter(c *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open == nil {
		cs.open = make(map[*call]bool)
	}
	cs.open[c] = false
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
			for _, c := range cs.overdue(now) {
				log.Info("a handler does not heed its deadline", "method", c.name, "bucket", c.bucket, "account", c.account,
					"age", now.Sub(c.start).String(), "limit", EnvCOSIRPCTimeout)
			}
		}
	}
}

// overdue returns the calls that are past their deadline, each of them once.
func (cs *calls) overdue(now time.Time) []*call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var late []*call
	for c, reported := range cs.open {
		if !reported && c.due.passed(now) {
			cs.open[c] = true
			late = append(late, c)
		}
	}
	return late
}
