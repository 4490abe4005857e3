// Package keylock provides a table of locks by key. A key has one holder, its waiters take turns in the order in which
// they came, and the table keeps nothing for a free key.
package keylock

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Table holds locks by key. Its zero value is ready for use. Safe for concurrent use.
type Table struct {
	mu   sync.Mutex
	held map[string]entry
}

// entry describes one held lock.
type entry struct {
	holder  string
	since   time.Time
	waiters []waiter
}

// waiter describes one caller in the queue. Its turn is closed when it gets the lock.
type waiter struct {
	holder string
	turn   chan struct{}
}

// TimeoutError reports who held the lock when a waiter's patience ran out.
type TimeoutError struct {
	Holder string        // who holds the lock
	Age    time.Duration // for how long
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s has held the lock for %s", e.Holder, e.Age.Round(time.Millisecond))
}

// Lock takes key for holder and returns since when it is held: now, the caller's own reading of the clock, if key was
// free. If another holds it, Lock waits until it is handed over, until ctx ends (Lock returns the context's error) or
// until patience has passed (Lock returns a *TimeoutError; 0 waits indefinitely). After a nil error, call Unlock.
func (t *Table) Lock(ctx context.Context, key, holder string, now time.Time, patience time.Duration) (since time.Time, err error) {
	turn := t.enter(key, holder, now)
	if turn == nil {
		return now, nil
	}
	if !wait(ctx, turn, patience) {
		if busy, waiting := t.leave(key, turn); waiting {
			return time.Time{}, busy.refusal(ctx)
		}
	}
	if err := ctx.Err(); err != nil { // handed over at the moment of giving up
		t.Unlock(key)
		return time.Time{}, err
	}
	return time.Now(), nil
}

// Unlock hands key to the waiter that came first, or frees it. It panics when nobody holds key.
func (t *Table) Unlock(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.held[key]
	switch {
	case !ok:
		panic("keylock: unlock of a key that nobody holds")
	case len(e.waiters) == 0:
		delete(t.held, key)
	default:
		t.held[key] = e.handOver()
	}
}

// handOver tells the first waiter that it has the lock, and returns its entry.
func (e entry) handOver() entry {
	first := e.waiters[0]
	close(first.turn)
	return entry{holder: first.holder, since: time.Now(), waiters: e.waiters[1:]}
}

// Len returns the number of held keys.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.held)
}

// enter takes a free key and returns nil. For a held one it joins the queue, and returns the turn to wait for.
func (t *Table) enter(key, holder string, now time.Time) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, busy := t.held[key]
	if !busy {
		t.take(key, entry{holder: holder, since: now})
		return nil
	}
	turn := make(chan struct{})
	e.waiters = append(e.waiters, waiter{holder, turn})
	t.held[key] = e
	return turn
}

// take stores a free key's new entry. The caller holds t.mu.
func (t *Table) take(key string, e entry) {
	if t.held == nil {
		t.held = make(map[string]entry)
	}
	t.held[key] = e
}

// leave removes a waiter from the queue and returns the entry that it waited for. It returns false when the waiter is no
// longer in the queue, because it has got the lock.
func (t *Table) leave(key string, turn chan struct{}) (entry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.held[key]
	i := slices.IndexFunc(e.waiters, func(w waiter) bool { return w.turn == turn })
	if i < 0 {
		return e, false
	}
	e.waiters = slices.Delete(e.waiters, i, i+1)
	t.held[key] = e
	return e, true
}

// refusal returns why a waiter gave up: its context ended, or else its patience.
func (e entry) refusal(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return &TimeoutError{Holder: e.holder, Age: time.Since(e.since)}
}

// wait reports whether the turn comes before ctx ends and before patience has passed.
func wait(ctx context.Context, turn <-chan struct{}, patience time.Duration) bool {
	select {
	case <-turn:
		return true
	case <-ctx.Done():
		return false
	case <-expiry(patience):
		return false
	}
}

// expiry returns a channel that delivers once patience has passed, and never for 0.
func expiry(patience time.Duration) <-chan time.Time {
	if patience <= 0 {
		return nil
	}
	return time.After(patience)
}
