package cositest_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/cositest"
)

// The deaths of fronts.
const (
	inACrowd   = "in a crowd"
	ofAMap     = "of a map"
	everyOther = "in every second call"
	onceAtCall = "in call "
)

// death is called before each call of a front, and what it returns is called when the driver behind has answered. Either may
// end the process.
type death func(request any) (after func())

// deaths are how fronts may die. Each function makes a death of a process's own.
func deaths() map[string]func() death {
	all := map[string]func() death{inACrowd: diesInACrowd, ofAMap: diesOfAMap, everyOther: func() death { return diesAt(2) }}
	for _, n := range restartsAt() {
		all[onceAtCall+fmt.Sprint(n)] = func() death { return diesAt(n) }
	}
	return all
}

// crowded is how many buckets at once are too many for a front: the kit has as many in no case but that of a crowd.
const crowded = 40

// diesInACrowd ends the process when it has too many buckets at once.
func diesInACrowd() death {
	var mu sync.Mutex
	buckets := map[string]bool{}
	count := func(request any) {
		mu.Lock()
		defer mu.Unlock()
		switch r := request.(type) {
		case *createQ:
			buckets[r.GetName()] = true
		case *deleteQ:
			delete(buckets, nameOf(r.GetBucketId()))
		}
		if len(buckets) >= crowded {
			os.Exit(3)
		}
	}
	return func(request any) func() { return func() { count(request) } }
}

// busy is from how many calls on a front writes to its map at once.
const busy = 8

// diesOfAMap writes to a map without a lock while creates are many at once. The runtime ends a process for that.
func diesOfAMap() death {
	var creates atomic.Int32
	hits := map[string]int{}
	return func(request any) func() {
		r, ok := request.(*createQ)
		if !ok {
			return func() {}
		}
		creates.Add(1)
		return func() {
			defer creates.Add(-1)
			for creates.Load() >= busy {
				hits[r.GetName()]++
			}
		}
	}
}

// diesAt ends the process instead of its nth answer.
func diesAt(n int32) death {
	var calls atomic.Int32
	return func(any) func() {
		return func() {
			if calls.Add(1) == n {
				os.Exit(3)
			}
		}
	}
}

// A process that dies of a crowd fails the cases of crowds, each by name, and no other: it is brought back, and the run goes on.
func TestDeathInACrowd(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		death  string
		failed []string
	}{
		{inACrowd, []string{"LOAD-1"}},
		{ofAMap, []string{"LOAD-1", "GEN-10"}},
	} {
		t.Run(tc.death, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			s, conn := d.supervise(t, tc.death)
			cfg := d.config()
			cfg.Parallel = 80
			report := cositest.Check(t.Context(), conn, cfg)
			var failed []string
			for _, r := range report.Results {
				switch dies := strings.Contains(r.Reason, "the driver dies of this case"); {
				case r.Outcome == cositest.Failed && dies:
					failed = append(failed, r.Name)
				case r.Outcome != cositest.Passed && r.Name != "GRANT-10":
					t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
				}
				if len(r.LeftOver) > 0 {
					t.Errorf("%s left over: %s", r.Name, r.LeftOver)
				}
			}
			if !slices.Equal(failed, tc.failed) {
				t.Errorf("the driver died in %q, want %q", failed, tc.failed)
			}
			if n := int(s.starts.Load()); n < 2+2*len(tc.failed) {
				t.Errorf("%d starts, want one, one for the hook Restart and two for each of %q", n, tc.failed)
			}
			if left := d.ref.left(); left != "" {
				t.Error("left in the store:", left)
			}
		})
	}
}

// A process that dies all the time ends the run before long.
func TestDeathEveryOtherCall(t *testing.T) {
	t.Parallel()
	d := newDriver()
	s, conn := d.supervise(t, everyOther)
	begin := time.Now()
	report := cositest.Check(t.Context(), conn, d.config())
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("took %s, want less than a minute", took)
	}
	t.Logf("%s after %d starts", report.Verdict(), s.starts.Load())
	if report.Count(cositest.Failed) == 0 || len(report.Results) != len(cositest.Cases()) {
		t.Errorf("%d failed of %d", report.Count(cositest.Failed), len(report.Results))
	}
	for _, r := range report.Results {
		if r.Outcome == cositest.Failed && !strings.Contains(r.Reason, "the driver dies") {
			t.Errorf("%s failed: %s", r.Name, r.Reason)
		}
	}
}

// restartsAt are the calls at which a process ends that is brought back, again and again: far enough apart for a case that is
// run once more.
func restartsAt() []int32 { return []int32{150, 400} }

// A process that ends now and then, and is brought back, is not blamed.
func TestRestartedProcess(t *testing.T) {
	t.Parallel()
	for _, n := range restartsAt() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			s, conn := d.supervise(t, onceAtCall+fmt.Sprint(n))
			innocent{elsewhere: []string{"GRANT-10"}}.judge(t, d, conn, d.config())
			if s.starts.Load() < 3 { // the hook Restart starts one as well
				t.Error("the process never ended by itself")
			}
		})
	}
}
