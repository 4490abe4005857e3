package driver_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// ledger is what callers were told: what must be there, and how much must be gone.
type ledger struct {
	buckets          []string
	accounts         map[string]grant // by the id of the account
	deleted, revoked int
	repeated         int // calls that had to be made again
}

// grant is the answer that a caller saw last.
type grant struct {
	bucket  string
	secrets map[string]string
}

// work makes and removes buckets and accounts, one round after the other, until it is told that it is enough.
func (l *ledger) work(t *testing.T, c caller, prefix string, enough <-chan struct{}) {
	for round := 0; ; round++ {
		select {
		case <-enough:
			return
		default:
			l.round(t, c, fmt.Sprintf("%s-%d", prefix, round))
		}
	}
}

// round is a bucket's life, or half of it.
func (l *ledger) round(t *testing.T, c caller, bucket string) {
	l.until(t, func(ctx context.Context) error { return c.tryCreate(ctx, bucket, nil) })
	ids := make([]string, 3)
	for n := range ids {
		l.until(t, func(ctx context.Context) error {
			response, err := c.tryGrant(ctx, bucket, fmt.Sprintf("%s-%d", bucket, n), nil)
			if err == nil {
				ids[n] = response.GetAccountId()
				l.accounts[ids[n]] = grant{bucket, secretsOf(response.GetCredentials())}
			}
			return err
		})
	}
	ends := rand.IntN(2) == 0
	for n, id := range ids {
		if ends || n > 0 && rand.IntN(2) == 0 {
			l.until(t, func(ctx context.Context) error { return c.tryRevoke(ctx, bucket, id) })
			delete(l.accounts, id)
			l.revoked++
		}
	}
	if ends {
		l.until(t, func(ctx context.Context) error { return c.tryDelete(ctx, bucket, nil) })
		l.deleted++
		return
	}
	l.buckets = append(l.buckets, bucket)
}

// until repeats a call after a short pause, as the sidecar does after a longer one.
func (l *ledger) until(t *testing.T, call func(context.Context) error) {
	for began := time.Now(); t.Context().Err() == nil; {
		err := call(t.Context())
		if err == nil {
			return
		}
		if time.Since(began) > patienceUntil {
			t.Errorf("a call does not heal: %v", err)
			return
		}
		l.repeated++
		time.Sleep(time.Millisecond)
	}
}

// patienceUntil is how long a call is repeated, which is longer than all kills take.
const patienceUntil = 5 * time.Minute

func (l *ledger) add(other *ledger) {
	l.buckets = append(l.buckets, other.buckets...)
	maps.Copy(l.accounts, other.accounts)
	l.deleted += other.deleted
	l.revoked += other.revoked
	l.repeated += other.repeated
}

// check looks for exactly that in the store.
func (l *ledger) check(t *testing.T, admin administrator, prefix string) {
	t.Helper()
	buckets, users, err := admin.everything(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(l.buckets)
	if !slices.Equal(buckets, l.buckets) {
		t.Errorf("the store has the buckets\n%v\nexpected are\n%v", buckets, l.buckets)
	}
	if want := slices.Sorted(maps.Keys(l.accounts)); !slices.Equal(users, want) {
		t.Errorf("the store has the users\n%v\nexpected are\n%v", users, want)
	}
	for user, g := range l.accounts {
		if keys := admin.keys(t, user); len(keys) != 1 || keys[0] != g.secrets["accessKeyID"] {
			t.Errorf("%s has the keys %v; its caller saw %s last", user, keys, g.secrets["accessKeyID"])
		}
		if err := works(t.Context(), plainClient(g.secrets), g.bucket, "object"); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
}
