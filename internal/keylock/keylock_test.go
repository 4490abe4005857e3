package keylock_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doomshrine/gocosi/internal/keylock"
)

// bucket is the key that most tests use.
const bucket = "b"

// lock takes key, which must be free.
func lock(t *testing.T, table *keylock.Table, key, holder string) {
	t.Helper()
	if _, err := table.Lock(t.Context(), key, holder, time.Now(), time.Nanosecond); err != nil {
		t.Fatal(err)
	}
}

// empty checks that no key is held.
func empty(t *testing.T, table *keylock.Table) {
	t.Helper()
	if n := table.Len(); n != 0 {
		t.Errorf("%d keys are left, want none", n)
	}
}

func TestKeysAreIndependent(t *testing.T) {
	t.Parallel()
	var table keylock.Table
	keys := []string{"b", "c", "bc", ""}
	for _, k := range keys {
		lock(t, &table, k, "one")
	}
	if n := table.Len(); n != len(keys) {
		t.Errorf("%d keys are held, want %d", n, len(keys))
	}
	for _, k := range keys {
		table.Unlock(k)
	}
	empty(t, &table)
}

func TestHandOverInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var table keylock.Table
		var order []int // guarded by the lock
		lock(t, &table, bucket, "first")
		for i := range 20 {
			go func() {
				if _, err := table.Lock(context.Background(), bucket, "waiter", time.Now(), 0); err != nil {
					t.Error(err)
				}
				order = append(order, i)
				table.Unlock(bucket)
			}()
			synctest.Wait()
		}
		table.Unlock(bucket)
		synctest.Wait()
		if len(order) != 20 || !slices.IsSorted(order) {
			t.Errorf("the order is %v", order)
		}
		empty(t, &table)
	})
}

func TestGivingUp(t *testing.T) {
	t.Parallel()
	errOwn := errors.New("own cause")
	tests := map[string]struct {
		ctx      func(context.Context) (context.Context, context.CancelFunc)
		patience time.Duration
		want     error // nil: a TimeoutError
		wait     time.Duration
		text     string // of the error; "": any
	}{
		"cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(errOwn) })
			return ctx, func() { cancel(nil) }
		}, time.Minute, context.Canceled, time.Second, ""},
		"cancelled before": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, time.Minute, context.Canceled, 0, ""},
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 2*time.Second)
		}, time.Minute, context.DeadlineExceeded, 2 * time.Second, ""},
		"deadline, no patience set": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Hour)
		}, 0, context.DeadlineExceeded, time.Hour, ""},
		"patience":          {context.WithCancel, 3 * time.Second, nil, 3 * time.Second, "the holder has held the lock for 3.5s"},
		"shortest patience": {context.WithCancel, 1, nil, 1, "the holder has held the lock for 500ms"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var table keylock.Table
				lock(t, &table, bucket, "the holder")
				time.Sleep(500 * time.Millisecond)
				began := time.Now()
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				_, err := table.Lock(ctx, bucket, "the waiter", time.Now(), tt.patience)
				if took := time.Since(began); took != tt.wait {
					t.Errorf("it took %s, want %s", took, tt.wait)
				}
				var busy *keylock.TimeoutError
				switch {
				case tt.want != nil:
					if !errors.Is(err, tt.want) {
						t.Errorf("got %v, want %v", err, tt.want)
					}
				case !errors.As(err, &busy) || busy.Holder != "the holder" || busy.Age != tt.wait+500*time.Millisecond:
					t.Errorf("got %v, want the holder and its age", err)
				case err.Error() != tt.text:
					t.Errorf("got %v", err)
				}
				table.Unlock(bucket)
				empty(t, &table)
				lock(t, &table, bucket, "another")
				table.Unlock(bucket)
			})
		})
	}
}

// TestSince checks that a lock is held since the caller's own reading of the clock, or since it was handed over.
func TestSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var table keylock.Table
		own := time.Now().Add(-time.Minute)
		if since, err := table.Lock(t.Context(), bucket, "first", own, 0); err != nil || !since.Equal(own) {
			t.Errorf("a free key is held since %s, %v; want %s", since, err, own)
		}
		handedOver := time.Now().Add(time.Hour)
		time.AfterFunc(time.Hour, func() { table.Unlock(bucket) })
		if since, err := table.Lock(t.Context(), bucket, "second", own, 0); err != nil || !since.Equal(handedOver) {
			t.Errorf("a key that was handed over is held since %s, %v; want %s", since, err, handedOver)
		}
	})
}

func TestHolderIsTheLatest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var table keylock.Table
		lock(t, &table, bucket, "first")
		go func() { _, _ = table.Lock(context.Background(), bucket, "second", time.Now(), 0) }()
		synctest.Wait()
		time.Sleep(time.Minute)
		table.Unlock(bucket)
		time.Sleep(time.Second)
		var busy *keylock.TimeoutError
		_, err := table.Lock(t.Context(), bucket, "third", time.Now(), time.Second)
		if !errors.As(err, &busy) || busy.Holder != "second" || busy.Age != 2*time.Second {
			t.Errorf("got %v, want the second holder and its own age", err)
		}
		table.Unlock(bucket)
		empty(t, &table)
	})
}

func TestWaiterInTheMiddleLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var table keylock.Table
		got := make(chan string, 3)
		ctx, cancel := context.WithCancel(t.Context())
		wait := func(ctx context.Context, name string) {
			if _, err := table.Lock(ctx, bucket, name, time.Now(), 0); err == nil {
				got <- name
				table.Unlock(bucket)
			}
		}
		lock(t, &table, bucket, "holder")
		for _, name := range []string{"a", "b", "c"} {
			of := context.Background()
			if name == "b" {
				of = ctx
			}
			go wait(of, name)
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		table.Unlock(bucket)
		synctest.Wait()
		close(got)
		var names []string
		for name := range got {
			names = append(names, name)
		}
		if !slices.Equal(names, []string{"a", "c"}) {
			t.Errorf("the lock went to %q", names)
		}
		empty(t, &table)
	})
}

// TestHandedOverToTheDead hands the lock to a waiter at the moment when the waiter's context ends.
func TestHandedOverToTheDead(t *testing.T) {
	t.Parallel()
	for range 50 { // chance decides which of the two the waiter sees first
		synctest.Test(t, func(t *testing.T) {
			var table keylock.Table
			lock(t, &table, bucket, "holder")
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() {
				_, err := table.Lock(ctx, bucket, "waiter", time.Now(), 0)
				result <- err
			}()
			synctest.Wait()
			table.Unlock(bucket)
			cancel()
			if err := <-result; err == nil {
				table.Unlock(bucket)
			} else if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			empty(t, &table)
		})
	}
}

// ended is a context that has ended but does not close Done, so that its waiter sees the lock first.
type ended struct{ context.Context } //nolint:containedctx // the context that looks ended

func (ended) Err() error { return context.Canceled }

// TestTurnOfTheDead hands the lock to a waiter whose context has ended, and checks that the next waiter gets the lock.
func TestTurnOfTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var table keylock.Table
		lock(t, &table, bucket, "holder")
		var results [2]error
		for i, ctx := range []context.Context{ended{context.Background()}, context.Background()} {
			go func() {
				if _, results[i] = table.Lock(ctx, bucket, "waiter", time.Now(), 0); results[i] == nil {
					table.Unlock(bucket)
				}
			}()
			synctest.Wait()
		}
		table.Unlock(bucket)
		synctest.Wait()
		if !errors.Is(results[0], context.Canceled) || results[1] != nil {
			t.Errorf("got %v, want the end of the first one's context, and the lock for the second", results)
		}
		empty(t, &table)
	})
}

func TestUnlockOfAFreeKeyPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		const want = "keylock: unlock of a key that nobody holds"
		if got := recover(); got != want {
			t.Errorf("the panic is %v, want %q", got, want)
		}
	}()
	var table keylock.Table
	table.Unlock(bucket)
}

func TestStress(t *testing.T) {
	t.Parallel()
	var table keylock.Table
	var inside [3]atomic.Int32
	var held, refused atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 500 {
				n := rand.IntN(len(inside))
				k := string(rune('a' + n))
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(200))*time.Microsecond)
				if _, err := table.Lock(ctx, k, "worker", time.Now(), time.Duration(rand.IntN(200))*time.Microsecond); err != nil {
					refused.Add(1)
					cancel()
					continue
				}
				held.Add(1)
				if n := table.Len(); n < 1 || n > len(inside) {
					t.Errorf("%d keys are held, want 1 to %d", n, len(inside))
				}
				if inside[n].Add(1) != 1 {
					t.Error("two holders have one key, want one")
				}
				time.Sleep(time.Duration(rand.IntN(20)) * time.Microsecond)
				inside[n].Add(-1)
				table.Unlock(k)
				cancel()
			}
		})
	}
	wg.Wait()
	empty(t, &table)
	if held.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d calls held the lock and %d were refused, want some of both", held.Load(), refused.Load())
	}
}
