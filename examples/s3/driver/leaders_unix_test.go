//go:build unix

package driver_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// usualLeaderLives take some seconds on two cores.
const usualLeaderLives = 64

// TestTwoLeaders has two processes lead at once: both get every call of every bucket's life, about the same accounts, at the same
// moment or one a little later, some of them twice. Now and then one process is paused. A life's plan follows from its seed; how
// the processes interleave does not.
func TestTwoLeaders(t *testing.T) {
	t.Parallel()
	leadAtOnce(t, gatewaySite(embedded), usualLeaderLives)
}

func leadAtOnce(t *testing.T, store site, usual int) {
	t.Helper()
	first, count := *seedFlag, *livesFlag
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	if count == 0 {
		count = usual
	}
	t.Logf("go test ./driver -run '%s$' -seed %d -lives %d", t.Name(), first, count)
	one := newProcess(t, store)
	processes := [2]*process{one, one.beside(t)}
	var leaders [2]caller
	for i, p := range processes {
		p.start(t)
		leaders[i] = callerOn(p.dial(t))
	}
	enough := make(chan struct{})
	var pausing sync.WaitGroup
	pauses := 0
	pausing.Go(func() { pauses = pauseNowAndThen(t, processes, rand.New(rand.NewPCG(first, 2)), enough) })

	var next, repeated atomic.Int64
	lives := make([]*sharedLife, count)
	var working sync.WaitGroup
	for range callers {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(count) && !t.Failed(); i = next.Add(1) - 1 {
				lives[i] = newSharedLife(t, store.administrator, leaders, first+uint64(i), &repeated)
				lives[i].live()
			}
		})
	}
	working.Wait()
	close(enough)
	pausing.Wait()
	if t.Failed() {
		return
	}
	total := settle(t, store.administrator, leaders, lives)
	t.Logf("%d lives, %d pauses, %d calls repeated; %s", count, pauses, repeated.Load(), total)
}

// pauseNowAndThen pauses one of the processes after the other, and counts how often.
func pauseNowAndThen(t *testing.T, processes [2]*process, chance *rand.Rand, enough <-chan struct{}) (count int) {
	for {
		select {
		case <-enough:
			return count
		case <-time.After(time.Duration(chance.IntN(400)) * time.Millisecond):
		}
		p := processes[chance.IntN(len(processes))]
		if err := p.pause(); err != nil {
			t.Error(err)
			return count
		}
		count++
		time.Sleep(time.Duration(chance.IntN(150)) * time.Millisecond)
		if err := p.wake(); err != nil {
			t.Error(err)
			return count
		}
	}
}

// sharedLife is the life of a bucket and its accounts, lived by two leaders.
type sharedLife struct {
	t        *testing.T
	seed     uint64
	admin    administrator
	leaders  [2]caller
	repeated *atomic.Int64

	bucket     string
	accounts   []*sharedAccount
	parameters map[string]string
	apart      bool // each leader goes on without the other
	foreign    bool // somebody else's bucket has the name
	ends       bool // the bucket is deleted
	delays     [2][]time.Duration
	again      []bool // of each step
}

type sharedAccount struct {
	name, access string
	revoked      bool

	mu        sync.Mutex
	delivered map[string]map[string]string // secrets by the ids of keys
	last      string                       // id of a key
}

func newSharedLife(t *testing.T, admin administrator, leaders [2]caller, seed uint64, repeated *atomic.Int64) *sharedLife {
	chance := rand.New(rand.NewPCG(seed, 3))
	maybe := func(p float64) bool { return chance.Float64() < p }
	l := &sharedLife{
		t: t, seed: seed, admin: admin, leaders: leaders, repeated: repeated, bucket: fmt.Sprintf("shared-%d", seed),
		apart: maybe(0.4), foreign: maybe(0.1), ends: maybe(0.5),
	}
	l.parameters = []map[string]string{nil, {"versioning": "true", "emptyOnDelete": "true"}, {"emptyOnDelete": "true"}}[chance.IntN(3)]
	for n := range 1 + chance.IntN(3) {
		a := &sharedAccount{name: fmt.Sprintf("%s-%d", l.bucket, n), delivered: map[string]map[string]string{}, revoked: l.ends || maybe(0.5)}
		a.access = []string{"readwrite", "readonly"}[chance.IntN(2)]
		l.accounts = append(l.accounts, a)
	}
	for range 2 + 2*len(l.accounts) {
		l.again = append(l.again, maybe(0.3))
		for i := range l.delays {
			l.delays[i] = append(l.delays[i], time.Duration(max(0, chance.IntN(40)-20))*time.Millisecond)
		}
	}
	return l
}

// leaderStep is a call that both leaders make, and what holds when it was answered to both.
type leaderStep struct {
	name  string
	call  func(context.Context, caller) error
	wants codes.Code
	holds func()
}

// live lives the life: the leaders wait for each other after each step, or at its end only.
func (l *sharedLife) live() {
	if l.foreign {
		l.must(l.admin.makeForeign(l.t.Context(), l.bucket))
		l.must(put(l.t.Context(), l.admin.s3, l.bucket, "theirs", "content"))
	}
	steps := l.steps()
	if l.apart {
		l.both(func(leader int) {
			for n, s := range steps {
				l.until(leader, n, s)
			}
		})
		return
	}
	for n, s := range steps {
		l.both(func(leader int) { l.until(leader, n, s) })
		if s.holds != nil && !l.t.Failed() {
			s.holds()
		}
	}
}

func (l *sharedLife) both(do func(leader int)) {
	var wg sync.WaitGroup
	for leader := range l.leaders {
		wg.Go(func() { do(leader) })
	}
	wg.Wait()
}

func (l *sharedLife) steps() (steps []leaderStep) {
	create := leaderStep{name: "create", call: func(ctx context.Context, c caller) error { return c.tryCreate(ctx, l.bucket, l.parameters) }}
	remove := leaderStep{name: "delete", call: func(ctx context.Context, c caller) error { return c.tryDelete(ctx, l.bucket, l.parameters) }, holds: l.isGone}
	if l.foreign {
		create.wants, remove.wants, remove.holds = codes.AlreadyExists, codes.FailedPrecondition, nil
		return []leaderStep{create, remove}
	}
	steps = append(steps, create)
	for _, a := range l.accounts {
		steps = append(steps, leaderStep{name: "grant " + a.name, call: func(ctx context.Context, c caller) error { return l.grant(ctx, c, a) }, holds: func() { l.works(a) }})
	}
	for _, a := range l.accounts {
		if a.revoked {
			steps = append(steps, leaderStep{
				name: "revoke " + a.name, call: func(ctx context.Context, c caller) error { return c.tryRevoke(ctx, l.bucket, a.name) },
				holds: func() { l.isRefused(a) },
			})
		}
	}
	if l.ends {
		steps = append(steps, remove)
	}
	return steps
}

func (l *sharedLife) grant(ctx context.Context, c caller, a *sharedAccount) error {
	response, err := c.tryGrant(ctx, l.bucket, a.name, parameter("access", a.access))
	if err == nil {
		secrets := secretsOf(response.GetCredentials())
		a.mu.Lock()
		defer a.mu.Unlock()
		a.last = secrets["accessKeyID"]
		a.delivered[a.last] = secrets
	}
	return err
}

// until makes a leader's call, after a pause, until it has the answer that it wants; and once more if that was planned.
func (l *sharedLife) until(leader, n int, s leaderStep) {
	time.Sleep(l.delays[leader][n])
	times := 1
	if l.again[n] {
		times = 2
	}
	for began := time.Now(); times > 0 && !l.t.Failed(); {
		err := s.call(l.t.Context(), l.leaders[leader])
		code := status.Code(err)
		switch {
		case code == s.wants:
			times--
			continue
		case code == codes.NotFound && l.apart && l.ends: // the other leader has deleted the bucket
			return
		case code != codes.Aborted:
			l.fault("leader %d: %s is answered with %v, want %v or %v", leader, s.name, err, s.wants, codes.Aborted)
		case time.Since(began) > patienceUntil:
			l.fault("leader %d: %s does not heal: %v", leader, s.name, err)
		}
		l.repeated.Add(1)
		time.Sleep(time.Millisecond)
	}
}

func (l *sharedLife) fault(format string, args ...any) {
	l.t.Errorf("life %d: %s", l.seed, fmt.Sprintf(format, args...))
}

func (l *sharedLife) must(err error) {
	if err != nil {
		l.fault("%v", err)
	}
}

// works holds for an account that was granted: every key that was delivered opens the bucket.
func (l *sharedLife) works(a *sharedAccount) {
	for id, secrets := range a.delivered {
		if err := list(l.t.Context(), plainClient(secrets), l.bucket); err != nil {
			l.fault("key %s was delivered for %s: %v", id, a.name, err)
		}
	}
	if len(a.delivered) == 0 {
		l.fault("no key was delivered for %s", a.name)
	}
}

// isRefused holds for an account that was revoked.
func (l *sharedLife) isRefused(a *sharedAccount) {
	for id, secrets := range a.delivered {
		if err := list(l.t.Context(), plainClient(secrets), l.bucket); err == nil || !refused(err) {
			l.fault("key %s of %s was revoked, and is answered with %v, want a refusal", id, a.name, err)
		}
	}
}

func (l *sharedLife) isGone() {
	if there, err := l.admin.exists(l.t.Context(), l.bucket); err != nil || there {
		l.fault("the bucket was deleted, and is there: %t, %v", there, err)
	}
}

// settle holds the store against all lives at their end, and takes away what is there.
func settle(t *testing.T, admin administrator, leaders [2]caller, lives []*sharedLife) string {
	t.Helper()
	ctx := t.Context()
	var buckets, accounts []string
	var deleted, revoked, foreign, one, more int
	for _, l := range lives {
		switch {
		case l.foreign:
			foreign++
			content, err := get(ctx, admin.s3, l.bucket, "theirs")
			l.must(err)
			if content != "content" {
				l.fault("somebody else's object has %q", content)
			}
			buckets = append(buckets, l.bucket)
			continue
		case l.ends:
			deleted++
		default:
			buckets = append(buckets, l.bucket)
		}
		for _, a := range l.accounts {
			if a.revoked {
				revoked++
				l.isRefused(a)
				continue
			}
			accounts = append(accounts, a.name)
			l.works(a)
			if l.oneAnswer(a, leaders); len(a.delivered) == 1 {
				one++
			} else {
				more++
			}
			l.hasKeys(a)
		}
	}
	slices.Sort(buckets)
	slices.Sort(accounts)
	hasExactly(t, admin, buckets, accounts)
	return fmt.Sprintf("%d buckets asked for are there, %d deleted are gone, %d of somebody else were left alone; "+
		"%d accounts have one key and %d have two, all of which work; %d revoked are gone, and nothing is left over",
		len(buckets)-foreign, deleted, foreign, one, more, revoked)
}

// oneAnswer holds when nobody else is at work: both processes answer a repeated grant with the same key, which was delivered before.
func (l *sharedLife) oneAnswer(a *sharedAccount, leaders [2]caller) {
	known := len(a.delivered)
	var ids []string
	for _, c := range leaders {
		l.must(l.grant(l.t.Context(), c, a))
		ids = append(ids, a.last)
	}
	if ids[0] != ids[1] || len(a.delivered) != known {
		l.fault("%s is answered with the keys %v, and %d were delivered before, now %d", a.name, ids, known, len(a.delivered))
	}
}

// hasKeys holds for an account: it has the keys that were delivered, and no other.
func (l *sharedLife) hasKeys(a *sharedAccount) {
	ids, err := l.admin.userKeys(l.t.Context(), a.name)
	l.must(err)
	slices.Sort(ids)
	if want := slices.Sorted(maps.Keys(a.delivered)); !slices.Equal(ids, want) {
		l.fault("%s has the keys %v, want %v", a.name, ids, want)
	}
}

func hasExactly(t *testing.T, admin administrator, buckets, accounts []string) {
	t.Helper()
	haveBuckets, haveAccounts, err := admin.everything(t.Context(), "shared-")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(haveBuckets, buckets) {
		t.Errorf("the store has the buckets\n%v\nwant\n%v", haveBuckets, buckets)
	}
	if !slices.Equal(haveAccounts, accounts) {
		t.Errorf("the store has the accounts\n%v\nwant\n%v", haveAccounts, accounts)
	}
}
