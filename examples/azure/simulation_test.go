package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	lives = flag.Int("lives", 200, "how many lives TestSimulation simulates; make test-figures asks for 3000")
	seed  = flag.Uint64("seed", 0, "the seed of the one life that TestSimulation is to simulate")
)

// life is one bucket's, from its creation to its deletion, with several accounts, over a store on its worst days.
type life struct {
	store    *fakeStore
	settings settings
	seed     uint64
	bucket   string

	// The store's mutex guards these.
	delivered map[string]bool // accounts whose signature an application uses
	revoked   map[string]bool // accounts whose revoke was OK
	human     bool            // somebody has added a policy by hand
	deleting  bool
	wrong     []string
}

const simulated = "bucket-1"

// simulate lives the life of a seed, and returns what was wrong and what happened.
func simulate(t *testing.T, s settings, key string, seed uint64) (wrong, trace []string) {
	t.Helper()
	l := &life{seed: seed, settings: s, bucket: simulated, delivered: map[string]bool{}, revoked: map[string]bool{}}
	l.store = &fakeStore{now: map[string]*fakeContainer{}, secret: key, watch: l.watch}
	synctest.Test(t, func(*testing.T) {
		l.live()
		time.Sleep(2 * time.Minute) // what is still under way arrives
	})
	if len(l.store.now) > 0 {
		l.fault("left over: a container with %+v", l.store.now[l.bucket].policies)
	}
	return l.wrong, l.store.trace
}

func (l *life) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.store.note("WRONG: %s", text)
	l.wrong = append(l.wrong, text)
}

// watch looks at each change of the store, with its mutex held.
func (l *life) watch() {
	if l.deleting {
		return
	}
	for account := range l.delivered {
		if !l.store.has(l.bucket, account) {
			l.fault("the signature of %s was delivered, and does not work", account)
		}
	}
	for account := range l.revoked {
		if l.store.has(l.bucket, account) {
			l.fault("%s was revoked, and its signature works", account)
		}
	}
	if l.human && !l.store.has(l.bucket, "reports") {
		l.fault("the policy that somebody added by hand is lost")
	}
}

func (l *life) locked(f func()) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	f()
}

func (l *life) live() {
	main := l.sidecar("sidecar")
	parameters := map[string]string(nil)
	if main.chance(30) {
		parameters = map[string]string{emptyOnDelete: yes}
	}
	main.insist("create", func(ctx context.Context, p *provisioner) error { return create(ctx, p, l.bucket, parameters) })
	var wg sync.WaitGroup
	for i := range 1 + main.random.IntN(4) {
		one := l.sidecar(fmt.Sprint("access ", i))
		wg.Go(func() { l.access(one, fmt.Sprint("ba-", i)) })
	}
	if main.chance(50) {
		time.Sleep(main.upTo(20 * time.Second))
		for done := false; !done; time.Sleep(100 * time.Millisecond) {
			l.locked(func() { done = l.addByHand() })
		}
	}
	wg.Wait()
	main.waitForOld()
	l.locked(func() { l.deleting = true })
	main.insist("delete", func(ctx context.Context, p *provisioner) error { return remove(ctx, p, l.bucket, parameters) })
}

// addByHand adds a policy as a person does who reads and writes at once. In the second of another change, a read that is
// late would have the same time as a read that is not: then it waits.
func (l *life) addByHand() bool {
	made := *l.store.now[l.bucket]
	second := time.Now().UTC().Truncate(time.Second)
	if !second.After(made.changed) {
		return false
	}
	made.changed = second
	made.policies = append(slices.Clone(made.policies), fakePolicy{ID: "reports"})
	l.human = true
	l.store.note("somebody adds a policy")
	l.store.change(l.bucket, &made)
	return true
}

// access is an account's life: it is granted, granted again, and revoked.
func (l *life) access(s *sidecar, name string) {
	account := accountID(name)
	want, err := sign(l.settings, l.bucket, account)
	for range 1 + s.random.IntN(2) {
		time.Sleep(s.upTo(10 * time.Second))
		s.insist("grant "+name, func(ctx context.Context, p *provisioner) error {
			g, err := grant(ctx, p, l.bucket, name, nil)
			if err == nil {
				l.locked(func() {
					if g.token != want || g.account != account {
						l.fault("%s was granted another signature", name)
					}
				})
			}
			return err
		})
		l.locked(func() { l.delivered[account] = true; l.watch() })
	}
	if err != nil {
		l.locked(func() { l.fault("sign: %v", err) })
	}
	time.Sleep(s.upTo(20 * time.Second))
	s.waitForOld()
	l.locked(func() { delete(l.delivered, account) })
	for range 1 + s.random.IntN(2) {
		s.insist("revoke "+name, func(ctx context.Context, p *provisioner) error { return revoke(ctx, p, l.bucket, account) })
		l.locked(func() { l.revoked[account] = true; l.watch() })
	}
}

// sidecar repeats calls until they succeed. Its driver may be killed, and another may take over while it goes on.
type sidecar struct {
	*life

	dice    // its own: a driver that is at work uses its dice at the same time
	clients [2]*fakeClient
	drivers [2]*provisioner
	leader  int
	old     time.Time // until when a driver that was replaced may go on with its call
}

func (l *life) sidecar(name string) *sidecar {
	s := &sidecar{life: l, dice: throw(l.seed, name)}
	for i := range s.drivers {
		who := fmt.Sprintf("%s, driver %d", name, i+1)
		s.start(i, who, throw(l.seed, who))
	}
	return s
}

// start starts the driver at a place, anew or for the first time.
func (s *sidecar) start(i int, who string, d dice) {
	s.clients[i] = &fakeClient{s.store, d, who}
	usual := usualWaits()
	usual.first, usual.most = time.Hour, time.Second // the SDK's own dice are not the seed's: one second, each time
	p, err := newProvisionerOver(s.settings, usual, s.clients[i])
	if err != nil {
		panic(err)
	}
	s.drivers[i] = p
}

// waitForOld waits until the driver that was replaced has given up: what undoes a call does not overlap with it.
func (s *sidecar) waitForOld() { time.Sleep(time.Until(s.old)) }

// insist repeats the call, as the sidecar does.
func (s *sidecar) insist(what string, do func(context.Context, *provisioner) error) {
	const most = 300
	for range most {
		client, p := s.clients[s.leader], s.drivers[s.leader]
		result := make(chan error, 1)
		go s.attempt(what, func(ctx context.Context) error { return do(ctx, p) }, client, result)
		if s.chance(10) { // another takes over while this one is at work
			time.Sleep(s.upTo(3 * time.Second))
			s.store.log("%s is replaced", client.who)
			s.leader = 1 - s.leader
			s.old = time.Now().Add(usualWaits().call + time.Second)
			s.start(1-s.leader, client.who+" anew", s.another())
			continue
		}
		if err := <-result; err == nil {
			s.store.log("%s: %s is OK", client.who, what)
			return
		}
		time.Sleep(s.upTo(2 * time.Second))
	}
	s.locked(func() { s.fault("%s does not succeed in %d calls", what, most) })
}

var errKilled = errors.New("killed")

// attempt makes the call once, and looks at what it costs and says.
func (s *sidecar) attempt(what string, do func(context.Context) error, client *fakeClient, result chan<- error) {
	begin, err := time.Now(), errKilled
	defer func() {
		s.locked(func() {
			s.store.note("%s: %s: %v", client.who, what, err)
			if took := time.Since(begin); took > mostTime {
				s.fault("%s took %v", what, took)
			}
			if text := fmt.Sprint(err); strings.Contains(text, s.store.secret[:16]) || strings.Contains(text, "sig=") || strings.Contains(text, "SharedKey acme:") {
				s.fault("a secret is in the error: %s", text)
			}
		})
		result <- err
	}()
	err = do(context.Background())
}

// TestSimulation lives many lives of buckets and accesses over a store that loses, delays and invents answers, under
// drivers that die and are replaced in the middle of a call. A failure tells its seed; -seed lives that life again.
func TestSimulation(t *testing.T) { // not parallel: it takes all of the time that there is, and others measure theirs
	env := map[string]string{envAccount: "acme", envKeyFile: keyFile(t, strings.Repeat("c2VjcmV0", 8)), envEndpoint: "https://acme.example.com/acme"}
	s, err := readSettings(func(name string) string { return env[name] })
	must(t, err)
	key := strings.Repeat("c2VjcmV0", 8)
	if *seed != 0 {
		wrong, trace := simulate(t, s, key, *seed)
		t.Logf("seed %d:\n%s", *seed, strings.Join(trace, "\n"))
		if len(wrong) > 0 {
			t.Errorf("%q", wrong)
		}
		return
	}
	first := rand.Uint64()>>1 + 1
	t.Logf("%d lives, seeds from %d", *lives, first)
	const workers = 2
	for worker := range workers {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for i := worker; i < *lives; i += workers {
				seed := first + uint64(i)
				if wrong, trace := simulate(t, s, key, seed); len(wrong) > 0 {
					t.Fatalf("live it again with -run TestSimulation -seed %d: %q\n%s", seed, wrong, strings.Join(trace, "\n"))
				}
			}
		})
	}
}

// A seed is worth something only if it always means the same.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	env := map[string]string{envAccount: "acme", envKeyFile: keyFile(t, exampleKey), envEndpoint: "https://acme.example.com/acme"}
	s, err := readSettings(func(name string) string { return env[name] })
	must(t, err)
	for seed := range uint64(20) {
		_, first := simulate(t, s, exampleKey, seed)
		_, again := simulate(t, s, exampleKey, seed)
		if !slices.Equal(first, again) {
			for i := range first {
				if i >= len(again) || first[i] != again[i] {
					t.Fatalf("seed %d, line %d: %q\nand\n%q", seed, i, first[i], again[min(i, len(again)-1)])
				}
			}
		}
	}
}
