// Package inflight tracks the calls that are under way, answers each of them once, and logs those that are past their
// deadline.
package inflight

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi/internal/bound"
)

// Table lists the calls under way, linked through the calls themselves. Its zero value is ready; safe for concurrent use.
type Table struct {
	mu     sync.Mutex
	newest *Call
	empty  chan struct{} // closed when the last call leaves; nil: nobody waits
}

// Call describes a call and links it into a Table. Whoever serves the call embeds it by value, so that it costs no
// allocation of its own.
type Call struct {
	Method  string // its full name without the slash at the front
	Name    string // of the method, as logs show it
	Bucket  string
	Account string
	Start   time.Time

	older, newer *Call // guarded by the table's mutex
	logged       bool  // as late; guarded by the table's mutex

	expected atomic.Bool
	limit    string       // what set due; written before due is
	due      atomic.Int64 // nanoseconds from Start to the deadline; 0: none

	state    atomic.Int32 // waiting, begun or answered
	writing  atomic.Int64 // nanoseconds from Start to the beginning of its line in the log; 0: not yet
	response any          // set before answer is done
	err      error
	released atomic.Bool
	answer   sync.WaitGroup // until it is released
}

// The states of a call.
const (
	waiting int32 = iota // for its caller: its message has not come, or it is a stream
	begun
	answered
)

// Enter adds a call to the table.
func (t *Table) Enter(c *Call) {
	c.answer.Add(1)
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
	if t.newest == nil && t.empty != nil {
		close(t.empty)
		t.empty = nil
	}
}

// Empty returns a channel that is closed when no call is left.
func (t *Table) Empty() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	empty := t.empty
	if empty == nil {
		empty = make(chan struct{})
	}
	if t.newest == nil {
		close(empty)
	} else {
		t.empty = empty
	}
	return empty
}

// Begin records that the call no longer waits for its caller; Bucket and Account are set by then, and do not change any
// more. It returns false when the call was refused meanwhile.
func (c *Call) Begin() bool { return c.state.CompareAndSwap(waiting, begun) }

// Expect records the deadline of an open call and what set it: a variable, or the caller. The first one counts.
func (c *Call) Expect(due time.Time, limit string) {
	if c.expected.Swap(true) {
		return
	}
	c.limit = limit
	c.due.Store(int64(max(1, due.Sub(c.Start))))
}

// Answer gives the call its answer, and reports whether it had none. Release sends it.
func (c *Call) Answer(response any, err error) bool {
	if c.state.Swap(answered) == answered {
		return false
	}
	c.response, c.err = response, err
	return true
}

// Release lets Wait return the answer that the call has by now.
func (c *Call) Release() {
	if !c.released.Swap(true) {
		c.answer.Done()
	}
}

// Open reports whether the call has no answer.
func (c *Call) Open() bool { return c.state.Load() != answered }

// Wait waits until the answer is released. It may be called once.
func (c *Call) Wait() (response any, err error) {
	c.answer.Wait()
	response, c.response = c.response, nil // whoever keeps the call shall not keep its answer
	return response, c.err
}

// Writing records that the call's line in the log begins, so long after its start.
func (c *Call) Writing(after time.Duration) { c.writing.Store(int64(max(1, after))) }

// Written records that the call's line is written, and releases the answer.
func (c *Call) Written() {
	c.writing.Store(0)
	c.Release()
}

// Refuse answers every call that waits for its caller: one whose message has not come, and a stream.
func (t *Table) Refuse(err error) {
	t.settle(waiting, err)
}

// Abandon answers every call whose handler has not.
func (t *Table) Abandon(err error) {
	t.settle(waiting, err)
	t.settle(begun, err)
}

// settle answers the calls in a state.
func (t *Table) settle(state int32, err error) {
	t.collect(func(c *Call) bool {
		if settled := c.state.CompareAndSwap(state, answered); !settled {
			return false
		}
		c.err = err
		c.Release()
		return true
	})
}

// Len counts the calls in the table.
func (t *Table) Len() int { return len(t.collect(func(*Call) bool { return true })) }

// Unanswered describes the calls without an answer, sorted.
func (t *Table) Unanswered(now time.Time) []string { return t.describe(now, (*Call).Open) }

// Unfinished describes the calls whose handlers have not returned, sorted; they may have been answered.
func (t *Table) Unfinished(now time.Time) []string {
	return t.describe(now, func(c *Call) bool { return c.writing.Load() == 0 })
}

// describe describes the calls that a question is true of.
func (t *Table) describe(now time.Time, of func(*Call) bool) []string {
	var list []string
	for _, c := range t.collect(of) {
		list = append(list, c.describe(now))
	}
	slices.Sort(list)
	return list
}

// Stuck releases the answers of calls whose lines have been under way for longer than the limit, and reports whether there
// are any.
func (t *Table) Stuck(now time.Time, limit time.Duration) bool {
	return len(t.collect(func(c *Call) bool {
		since := c.writing.Load()
		stuck := since > 0 && now.Sub(c.Start)-time.Duration(since) > limit
		if stuck {
			c.Release()
		}
		return stuck
	})) > 0
}

// collect returns the calls that a question is true of.
func (t *Table) collect(of func(*Call) bool) (calls []*Call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := t.newest; c != nil; c = c.older {
		if of(c) {
			calls = append(calls, c)
		}
	}
	return calls
}

// describe names a call and its age.
func (c *Call) describe(now time.Time) string {
	age := fmt.Sprintf("(%s)", now.Sub(c.Start).Round(time.Millisecond))
	words := []string{c.Name}
	if c.state.Load() == begun { // what it is about was written before
		words = append(words, bound.Printable(c.Bucket, bound.Name), bound.Printable(c.Account, bound.Name))
	}
	words = append(words, age)
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
}

// ByMethod counts the calls in the table by their methods.
func (t *Table) ByMethod() map[string]int {
	count := map[string]int{}
	for _, c := range t.collect(func(*Call) bool { return true }) {
		count[c.Method]++
	}
	return count
}

// LogLate logs the calls that are still open after their deadline, each once, and returns their methods. Such a call keeps its
// bucket, and is answered when its handler returns.
func (t *Table) LogLate(now time.Time, log logr.Logger) (methods []string) {
	for _, c := range t.late(now) {
		methods = append(methods, c.Method)
		log.Info("handler is past its deadline", "method", c.Name, "bucket", bound.Printable(c.Bucket, bound.Name),
			"account", bound.Printable(c.Account, bound.Name), "age", now.Sub(c.Start).String(), "limit", c.limit)
	}
	return methods
}

// Missed reports whether a call ended after its deadline and LogLate did not see it.
func (t *Table) Missed(now time.Time, c *Call) bool {
	if due := c.due.Load(); due == 0 || now.Sub(c.Start) < time.Duration(due) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !c.logged
}

// late returns the calls without an answer that are past their deadline, each of them once.
func (t *Table) late(now time.Time) []*Call {
	return t.collect(func(c *Call) bool {
		due := c.due.Load()
		late := due > 0 && c.Open() && !c.logged && now.Sub(c.Start) > time.Duration(due)
		c.logged = c.logged || late
		return late
	})
}
