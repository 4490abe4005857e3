// Package soak_test calls drivers in processes of their own with many callers at once, for seconds or for hours. It
// fails on a wrong answer, a slow restart, or a growing figure.
package soak_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

var (
	durationFlag = flag.Duration("soak", 0, "how long TestSoak lasts; 0: a few seconds, and starts may be slow")
	reportFlag   = flag.String("soak-report", "", "the file that TestSoak writes its document to, next to the folder plots with its series; want an absolute path")
)

const (
	shortRun         = 4 * time.Second
	steadyCallers    = 64
	restartedCallers = 16
	startLimit       = time.Second // longest time from a signal to the next driver's first answer
)

// TestSoak runs callers that behave well and badly. No answer may be wrong, no start slow, and no figure may grow.
func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads from Linux's /proc what a process holds")
	}
	if *reportFlag != "" && !filepath.IsAbs(*reportFlag) {
		t.Fatalf("-soak-report: %q is relative to this package's folder; want an absolute path", *reportFlag)
	}
	s := newSoak(t)
	var wg sync.WaitGroup
	working, stop := context.WithTimeout(t.Context(), s.duration)
	defer stop()
	wg.Go(func() { s.steady.call(working, steadyCallers) })
	wg.Go(func() { s.restarted.call(working, restartedCallers) })
	wg.Go(func() { s.failed(s.steady.vandalise(working)) })
	wg.Go(func() { s.restart(working) })
	s.watch(working)
	stop()
	wg.Wait()
	s.finish()
	if !t.Failed() {
		s.report(cmp.Or(*reportFlag, filepath.Join(t.TempDir(), "endurance.md")))
	}
}

// soak holds the drivers of a run and their measurements.
type soak struct {
	t        *testing.T
	duration time.Duration
	began    time.Time

	steady  *target
	process *process // process of steady
	empty   levels   // without connections
	base    levels   // before the first call

	restarted *target
	successor *process // last process of restarted

	moments []moment
	rows    []string
	trends  []trend
	silence time.Duration

	mu       sync.Mutex
	restarts []restart
}

// newSoak starts both drivers.
func newSoak(t *testing.T) *soak {
	s := &soak{t: t, duration: shortRun}
	if *durationFlag > 0 {
		s.duration = *durationFlag
	}
	s.steady, s.process = s.start()
	s.restarted, s.successor = s.start()
	t.Cleanup(func() { s.kill(s.process); s.kill(s.successor) })
	s.empty = s.ask(question{Rest: true}).Levels
	s.must(connect(t.Context(), s.steady.conns...))
	s.fillSeries()
	s.base = s.ask(question{Rest: true}).Levels
	s.began = time.Now()
	return s
}

// fillSeries calls 2,000 methods that no driver serves. OpenTelemetry's metrics keep at most that many series, and
// their memory must not count as a trend.
func (s *soak) fillSeries() {
	ctx := harness.Timeout(s.t)
	for n := range 2000 {
		c := newUnserved(nil, fmt.Sprint("New", n))
		if wrong := c.wrong(c.send(ctx, s.steady.conns[0])); wrong != "" {
			s.t.Fatal(wrong)
		}
	}
}

// start starts a driver and waits until it answers.
func (s *soak) start() (*target, *process) {
	path := filepath.Join(harness.ShortDir(s.t), "cosi.sock")
	t, err := newTarget(path)
	s.must(err)
	s.t.Cleanup(t.close)
	p, err := startProcess(path)
	s.must(err)
	s.must(t.firstAnswer())
	return t, p
}

// kill kills a process that a failure has left running.
func (s *soak) kill(p *process) {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

func (s *soak) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *soak) failed(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Error(err)
	}
}

func (s *soak) ask(q question) reply {
	s.t.Helper()
	r, err := s.process.ask(q)
	s.must(err)
	return r
}

// interval returns the time between two measurements at rest.
func (s *soak) interval() time.Duration {
	return min(max(s.duration/24, 200*time.Millisecond), 15*time.Second)
}

// restart restarts the second driver until ctx ends.
func (s *soak) restart(ctx context.Context) {
	stay := min(max(s.duration/16, 100*time.Millisecond), 1500*time.Millisecond)
	p, err := s.restarted.keepRestarting(ctx, s.successor, stay, func(r restart) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.restarts = append(s.restarts, r)
	})
	s.successor = p
	s.failed(err)
}

// watch measures the driver under load and at rest, until ctx ends or a check fails.
func (s *soak) watch(ctx context.Context) {
	out := s.t.Output()
	fmt.Fprint(out, tableHead)
	minute := min(time.Minute, s.duration/4)
	for next := minute; lasting(ctx, s.interval()) == nil; {
		m := s.look()
		if s.moments = append(s.moments, m); m.at >= next-s.interval()/2 {
			next += minute
			s.rows = append(s.rows, s.row())
			fmt.Fprint(out, s.rows[len(s.rows)-1])
		}
		if s.t.Failed() || s.sum().wrong > 0 {
			return
		}
	}
}

// look measures the driver under load and then at rest, where it must hold no more than before the first call.
func (s *soak) look() moment {
	m := moment{at: time.Since(s.began), load: s.loaded()}
	s.steady.gate.Lock()
	defer s.steady.gate.Unlock()
	m.rest = s.atRest(s.base)
	m.sum, m.restarts = s.sum(), s.restartsSoFar()
	return m
}

// loaded returns what the driver holds under load: the middle of several sizes, since one look may meet memory just
// before or after a collection, and the most goroutines.
func (s *soak) loaded() levels {
	var seen []levels
	for range 5 {
		if len(seen) > 0 {
			time.Sleep(s.interval() / 100)
		}
		seen = append(seen, s.ask(question{}).Levels)
	}
	slices.SortFunc(seen, func(a, b levels) int { return cmp.Compare(a.Resident, b.Resident) })
	middle := seen[len(seen)/2]
	for _, l := range seen {
		middle.Goroutines = max(middle.Goroutines, l.Goroutines)
	}
	return middle
}

// atRest fails the test unless the driver without calls comes down to base.
func (s *soak) atRest(base levels) levels {
	s.t.Helper()
	l := s.ask(question{Rest: true, Base: &base}).Levels
	if !l.within(base) {
		s.t.Errorf("at rest, the driver holds %d goroutines, %d descriptors, %d locks and %d calls; want at most %d goroutines and %d descriptors, and no lock or call; its goroutines:\n%s",
			l.Goroutines, l.Descriptors, l.Locks, l.Calls, base.Goroutines, base.Descriptors, s.ask(question{Stacks: true}).Stacks)
	}
	if l.Overlaps > 0 {
		s.t.Errorf("%d handlers began while another one had their bucket; want none", l.Overlaps)
	}
	return l
}

// finish ends both drivers and judges the whole run.
func (s *soak) finish() {
	if s.duration >= warmUp {
		var err error
		s.silence, err = s.steady.silence()
		s.failed(err)
	}
	s.steady.close()
	s.atRest(s.empty)
	for _, p := range []*process{s.process, s.successor} {
		s.failed(errors.Join(p.signal(syscall.SIGTERM), p.end()))
	}
	for _, t := range []*target{s.steady, s.restarted} {
		for _, fault := range t.faults[:min(len(t.faults), 20)] {
			s.t.Error("wrong answer: ", fault)
		}
	}
	for _, r := range s.restarts {
		if *durationFlag > 0 && r.took > startLimit {
			s.t.Errorf("after %s, the next driver answered after %s; want at most %s", r.signal, r.took, startLimit)
		}
	}
	s.trends = findTrends(s.moments)
	for _, t := range s.trends {
		s.failed(t.err())
	}
	fmt.Fprintf(s.t.Output(), "\n%s", s.summary())
}

// sum adds up the calls of both drivers.
func (s *soak) sum() tally {
	a, b := s.steady.tally(), s.restarted.tally()
	return tally{a.calls + b.calls, a.buckets + b.buckets, a.lost + b.lost, a.wrong + b.wrong}
}

// answered counts the answers of both drivers with a code.
func (s *soak) answered(code codes.Code) (n int) {
	for _, t := range []*target{s.steady, s.restarted} {
		t.mu.Lock()
		n += t.answers[code]
		t.mu.Unlock()
	}
	return n
}

func (s *soak) restartsSoFar() []restart {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.restarts)
}
