package driver_test

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "the seed of the first life of TestSimulation and TestTwoLeaders; 0: any")
	livesFlag = flag.Int("lives", 0, "how many lives these live; 0: as many as take half a minute (a whole one under the race detector), or one simulated one if a seed is given")
)

// TestSimulation lives many lives of a bucket and its accounts, with two drivers on a store that lags, fails and forgets.
// Everything in a life follows from its seed: "go test ./driver -run 'TestSimulation$' -seed N" lives
// life N again.
func TestSimulation(t *testing.T) {
	t.Parallel()
	first, count := *seedFlag, *livesFlag
	if count == 0 {
		count = usualLives
		if first != 0 {
			count = 1
		} else if testing.Short() {
			count = usualLives / 10
		}
	}
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	t.Logf("the seeds are %d to %d", first, first+uint64(count)-1)
	begin := time.Now()
	var next atomic.Int64
	var total tally
	var mu sync.Mutex
	var working sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) { // some wait
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				l := newLife(first + uint64(i))
				l.live()
				mu.Lock()
				total.add(l.tally)
				switch {
				case l.wrong == "":
				case total.wrong > mostTold:
					t.Errorf("life %d: %s", l.seed, l.wrong)
				default:
					t.Errorf("life %d: %s\n%s\nthe store holds\n%s\ngo test ./driver -run 'TestSimulation$' -seed %d", l.seed, l.wrong, l.story(), l.store, l.seed)
				}
				mu.Unlock()
			}
		})
	}
	working.Wait()
	t.Logf("%d lives in %v: %+v", count, time.Since(begin).Round(time.Millisecond), total)
}

// mostTold is how many lives are told whole.
const mostTold = 2

// A life goes the same way each time, so that a failure can be looked at again.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	first := *seedFlag
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	for seed := first; seed < first+40; seed++ {
		one, other := newLife(seed), newLife(seed)
		one.live()
		other.live()
		if one.story() != other.story() || one.wrong != other.wrong {
			t.Fatalf("life %d went two ways: %s\n%s\nand: %s\n%s", seed, one.wrong, one.story(), other.wrong, other.story())
		}
	}
}

// tally counts what happened, to show that it did.
type tally struct {
	lives, wrong                                            int
	calls, requests, grants, revokes                        int
	faults, stale, kills, timeouts, leaders, woken, twoKeys int
	droppers                                                int
}

func (t *tally) add(o tally) {
	t.lives++
	t.wrong += o.wrong
	t.calls += o.calls
	t.requests += o.requests
	t.grants += o.grants
	t.revokes += o.revokes
	t.faults += o.faults
	t.stale += o.stale
	t.kills += o.kills
	t.timeouts += o.timeouts
	t.leaders += o.leaders
	t.woken += o.woken
	t.twoKeys += o.twoKeys
	t.droppers += o.droppers
}
