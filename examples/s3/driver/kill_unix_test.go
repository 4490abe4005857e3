//go:build unix

package driver_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

const (
	manyKills = 200
	callers   = 16
)

// TestKills has the machine to itself: beside other tests, the lives between the kills are too short for a call to end.
func TestKills(t *testing.T) { //nolint:paralleltest // see above
	if testing.Short() {
		t.Skip("-short was given, and this takes a minute")
	}
	killAgainAndAgain(t, gatewaySite(embedded), manyKills)
}

// killAgainAndAgain kills the driver's process at random moments, while callers repeat their calls until they are answered.
// In the end the store holds what they were told, and nothing else.
func killAgainAndAgain(t *testing.T, store site, kills int) {
	t.Helper()
	process := newProcess(t, store)
	conn := process.dial(t)
	enough := make(chan struct{})
	total := &ledger{accounts: map[string]grant{}}
	var working sync.WaitGroup
	var mu sync.Mutex
	for i := range callers {
		working.Go(func() {
			l := &ledger{accounts: map[string]grant{}}
			l.work(t, callerOn(conn), fmt.Sprintf("kill-%d", i), enough)
			mu.Lock()
			defer mu.Unlock()
			total.add(l)
		})
	}
	for range kills {
		process.start(t)
		time.Sleep(rand.N(400 * time.Millisecond))
		process.kill()
	}
	process.start(t)
	close(enough) // each caller goes on to the end of its round
	working.Wait()
	total.check(t, store.administrator, "kill-")
	t.Logf("%d kills under %d callers, %d calls repeated; %d buckets asked for are there, %d deleted are gone; "+
		"%d accounts have one key each, which works; %d revoked are gone",
		kills, callers, total.repeated, len(total.buckets), total.deleted, len(total.accounts), total.revoked)
	if total.repeated < kills {
		t.Errorf("%d kills cut only %d calls short", kills, total.repeated)
	}
}
