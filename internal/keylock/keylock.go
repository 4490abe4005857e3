// Package keylock is a table of locks by key: one holder for each key, waiters in the order in which they came, and
// nothing kept for a key that nobody holds.
package keylock

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Table is ready for use as its zero value, by any number of goroutines.
type Table struct {
	mu   sync.Mutex
	held map[string]entry
}

// entry is one held lock.
type entry struct {
	holder  string
	since   time.Time
	waiters []waiter
}

// waiter is one caller in the queue; its turn is closed when the lock is its own.
type waiter struct {
	holder string
	turn   chan struct{}
}

// TimeoutError says who held the lock when a waiter ran out of patience.
type TimeoutError struct {
	Holder string        // who holds the lock
	Age    time.Duration // for how long
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s has held the lock for %s", e.Holder, e.Age.Round(time.Millisecond))
}

// Lock takes key for holder, and returns since when it is held: now, the caller's own reading of the clock, when it was
// free. When another holds it, Lock waits until it is handed over, until ctx ends (its error is returned) or until
// patience has passed (a *TimeoutError is returned; 0 waits without a limit). Whoever got no error owes an Unlock.
func (t *Table) Lock(ctx context.Context, key, holder string, now time.Time, patience time.Duration) (since time.Time, err error) {
	turn := t.enter(key, holder, now)
	if turn == nil {
		return now, nil
	}
	if !came(ctx, turn, patience) {
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

// Unlock hands key to the waiter that came first, or forgets it. It panics when nobody holds key.
func (t *Table) Unlock(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.held[key]
	if !ok {
		panic("keylock: unlock of a key that nobody holds")
	}
	if len(e.waiters) == 0 {
		delete(t.held, key)
		return
	}
	next := e.waiters[0]
	t.held[key] = entry{holder: next.holder, since: time.Now(), waiters: e.waiters[1:]}
	close(next.turn)
}

// Len is the number of keys held.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.held)
}

// enter takes a free key and returns nil, or queues and returns the channel that is closed when the turn has come.
func (t *Table) enter(key, holder string, now time.Time) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, busy := t.held[key]
	if !busy {
		if t.held == nil {
			t.held = make(map[string]entry)
		}
		t.held[key] = entry{holder: holder, since: now}
		return nil
	}
	turn := make(chan struct{})
	e.waiters = append(e.waiters, waiter{holder, turn})
	t.held[key] = e
	return turn
}

// leave removes a waiter from the queue and returns what it waited for; false says that the waiter is no longer there,
// because the lock is now its own.
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

// refusal says why a waiter gave up: its context ended, or else its patience.
func (e entry) refusal(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return &TimeoutError{Holder: e.holder, Age: time.Since(e.since)}
}

// came waits for a turn, and says whether it came.
func came(ctx context.Context, turn <-chan struct{}, patience time.Duration) bool {
	var expired <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	case <-expired:
	}
	return false
}
