// Package election_test simulates the elections of the released sidecar, in virtual time, with the elector that it links and the
// times that it has.
package election_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/sidecar"
)

// dialTimeout is how long a client of Kubernetes waits for a connection.
const dialTimeout = 30 * time.Second

var runs = flag.Int("election-runs", 300, "how often each situation is simulated")

// candidate is a sidecar that leads or waits.
type candidate struct {
	lock   *lock
	cancel context.CancelFunc
	began  chan struct{} // closed when it leads
	done   chan struct{} // closed when it has ended

	led, lost time.Time
}

// start starts a sidecar in a pod of a name.
func (l *lease) start(pod string) *candidate {
	ctx, cancel := context.WithCancel(context.Background())
	c := &candidate{lock: l.by(pod), cancel: cancel, began: make(chan struct{}), done: make(chan struct{})}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: c.lock, ReleaseOnCancel: true, Name: "s3.example.com",
		LeaseDuration: sidecar.LeaseDuration, RenewDeadline: sidecar.RenewDeadline, RetryPeriod: sidecar.RetryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) {
				c.led = time.Now()
				close(c.began)
			},
			OnStoppedLeading: func() { c.lost = time.Now() },
		},
	})
	if err != nil {
		panic(err)
	}
	go func() {
		defer close(c.done)
		elector.Run(ctx)
	}()
	return c
}

// leads waits until the sidecar leads, and returns when it began to.
func (c *candidate) leads() time.Time {
	<-c.began
	return c.led
}

// stop ends the sidecar as SIGTERM does: it releases the lease.
func (c *candidate) stop() {
	c.cancel()
	<-c.done
}

// crash ends the sidecar and leaves the lease.
func (c *candidate) crash() {
	c.lock.cut(0)
	c.cancel()
}

// outcome is what one run of a situation shows.
type outcome struct {
	gap     time.Duration // in which nobody leads
	overlap time.Duration // in which two lead
}

// situations lists what happens to the leader. Kubernetes takes almost six minutes to replace the pods of a lost node; that is not in here.
func situations() map[string]func(l *lease) outcome {
	return map[string]func(l *lease) outcome{
		"the sidecar's container starts again": func(l *lease) outcome {
			return l.replaced(func(leader *candidate) { leader.crash() }, func() *candidate { return l.start("pod-1") })
		},
		"an upgrade": func(l *lease) outcome {
			return l.replaced(func(leader *candidate) { leader.stop() }, func() *candidate { return l.start("pod-2") })
		},
		"its pod is killed, and replaced at once": func(l *lease) outcome {
			return l.replaced(func(leader *candidate) { leader.crash() }, func() *candidate { return l.start("pod-2") })
		},
		"an upgrade, with a standby": func(l *lease) outcome {
			return l.relieved(func(leader *candidate) { leader.stop() })
		},
		"its pod is killed, with a standby": func(l *lease) outcome {
			return l.relieved(func(leader *candidate) { leader.crash() })
		},
		"it cannot reach the API server, with a standby": func(l *lease) outcome {
			return l.relieved(func(leader *candidate) { leader.lock.cut(0) })
		},
		"its packets to the API server are dropped, with a standby": func(l *lease) outcome {
			return l.relieved(func(leader *candidate) { leader.lock.cut(dialTimeout) })
		},
	}
}

// replaced lets a leader work for some minutes, ends it, and starts the next one.
func (l *lease) replaced(end func(*candidate), next func() *candidate) outcome {
	leader := l.start("pod-1")
	leader.leads()
	sleepUpTo(10 * time.Minute)
	end(leader)
	ended := time.Now()
	successor := next()
	gap := successor.leads().Sub(ended)
	successor.stop()
	<-leader.done
	return outcome{gap: gap}
}

// relieved lets a leader work for some minutes beside a standby, ends it, and waits for the standby.
func (l *lease) relieved(end func(*candidate)) outcome {
	leader := l.start("pod-1")
	leader.leads()
	sleepUpTo(2 * time.Minute)
	standby := l.start("pod-2")
	time.Sleep(5 * time.Minute)
	sleepUpTo(10 * time.Minute)
	end(leader)
	ended := time.Now()
	led := standby.leads()
	<-leader.done
	o := outcome{gap: led.Sub(ended)}
	if leader.lock.isCut() && leader.lost.After(ended) { // it went on
		o.gap = max(0, led.Sub(leader.lost))
		o.overlap = max(0, leader.lost.Sub(led))
	}
	standby.stop()
	return o
}

func sleepUpTo(d time.Duration) { time.Sleep(rand.N(d)) }

// row is what all runs of a situation show.
type row struct {
	median, p95, most time.Duration // in which nobody leads
	overlaps          int
	overlap           time.Duration // the longest
}

// simulate runs a situation many times.
func simulate(t *testing.T, situation func(*lease) outcome) row {
	var gaps []time.Duration
	var r row
	for range *runs {
		synctest.Test(t, func(*testing.T) {
			o := situation(&lease{})
			gaps = append(gaps, o.gap)
			if o.overlap > 0 {
				r.overlaps++
			}
			r.overlap = max(r.overlap, o.overlap)
		})
	}
	slices.Sort(gaps)
	r.median, r.p95, r.most = gaps[len(gaps)/2], gaps[len(gaps)*95/100], gaps[len(gaps)-1]
	return r
}

func (r row) String() string {
	return fmt.Sprintf("%.0f s | %.0f s | %.0f s | %d of %d, %.0f s", r.median.Seconds(), r.p95.Seconds(), r.most.Seconds(), r.overlaps, *runs, r.overlap.Seconds())
}

// TestElections simulates every situation of the table in docs/operations.md, and compares what comes out with it.
func TestElections(t *testing.T) {
	klog.SetLogger(logr.Discard())
	documented := documentedRows(t)
	for _, name := range slices.Sorted(maps.Keys(situations())) {
		got := simulate(t, situations()[name])
		t.Logf("| %s | %s |", name, got)
		want, ok := documented[name]
		if !ok {
			t.Errorf("docs/operations.md has no row for %q", name)
			continue
		}
		for what, pair := range map[string][2]time.Duration{"median": {got.median, want.median}, "95th percentile": {got.p95, want.p95}} {
			if off := (pair[0] - pair[1]).Abs(); off > max(15*time.Second, pair[1]/5) {
				t.Errorf("%s: the %s is %s, docs/operations.md says %s", name, what, pair[0].Round(time.Second), pair[1])
			}
		}
		if (got.overlaps > 0) != (want.overlaps > 0) || got.overlap > want.overlap+15*time.Second {
			t.Errorf("%s: two led in %d runs, for up to %s; docs/operations.md says in %d, for up to %s",
				name, got.overlaps, got.overlap.Round(time.Second), want.overlaps, want.overlap)
		}
		delete(documented, name)
	}
	if len(documented) > 0 {
		t.Errorf("docs/operations.md has rows that nothing simulates: %q", slices.Collect(maps.Keys(documented)))
	}
}

// documentedRows reads the table.
func documentedRows(t *testing.T) map[string]row {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\| ([^|]+) \| (\d+) s \| (\d+) s \| (\d+) s \| (?:never|in (\d+) of 300 runs, for up to (\d+) s) \|`)
	rows := map[string]row{}
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		overlaps, _ := strconv.Atoi(cmp.Or(m[5], "0"))
		rows[strings.TrimSpace(m[1])] = row{
			median: seconds(t, m[2]), p95: seconds(t, m[3]), most: seconds(t, m[4]), overlaps: overlaps, overlap: seconds(t, cmp.Or(m[6], "0")),
		}
	}
	return rows
}

func seconds(t *testing.T, text string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Second
}
