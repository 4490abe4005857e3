package gocosi_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

var (
	soakDuration = flag.Duration("soak", 0, "how long TestSoak lasts, and that it holds starts to their limit; 0: a few seconds")
	soakReport   = flag.String("soak-report", "", "the file that TestSoak writes its document to")
)

const (
	soakShort              = 4 * time.Second
	soakCallers            = 64
	soakCallersOfRestarted = 16
	soakStartLimit         = time.Second // from a signal to the next driver's first answer
)

// TestSoak lets callers do what callers do, and worse, and fails on a wrong answer, a slow start, or a trend.
func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a process holds is read from Linux's /proc")
	}
	s := newSoak(t)
	var wg sync.WaitGroup
	working, stop := context.WithTimeout(t.Context(), s.duration)
	defer stop()
	wg.Go(func() { s.steady.call(working, soakCallers) })
	wg.Go(func() { s.restarted.call(working, soakCallersOfRestarted) })
	wg.Go(func() { s.failed(s.steady.vandalise(working)) })
	wg.Go(func() { s.restart(working) })
	s.watch(working)
	stop()
	wg.Wait()
	s.finish()
	if *soakReport != "" && !t.Failed() {
		s.failed(os.WriteFile(*soakReport, []byte(s.document()), 0o644))
	}
}

// soak is one run.
type soak struct {
	t        *testing.T
	duration time.Duration
	began    time.Time

	steady  *soakTarget
	process *soakProcess // of steady
	empty   soakLevels   // without connections
	base    soakLevels   // before the first call

	restarted *soakTarget
	successor *soakProcess // of restarted

	moments []soakMoment
	rows    []string
	trends  []soakTrend
	silence time.Duration

	mu       sync.Mutex
	restarts []soakRestart
}

// newSoak starts both drivers.
func newSoak(t *testing.T) *soak {
	s := &soak{t: t, duration: soakShort}
	if *soakDuration > 0 {
		s.duration = *soakDuration
	}
	s.steady, s.process = s.start()
	s.restarted, s.successor = s.start()
	t.Cleanup(func() { s.kill(s.process); s.kill(s.successor) })
	s.empty = s.ask(soakQuestion{Rest: true}).Levels
	s.must(soakConnect(t.Context(), s.steady.conns...))
	s.fillSeries()
	s.base = s.ask(soakQuestion{Rest: true}).Levels
	s.began = time.Now()
	return s
}

// fillSeries calls as many methods that are not served as OpenTelemetry's metrics tell apart, which is 2,000: what that
// costs is no trend.
func (s *soak) fillSeries() {
	ctx := timeout(s.t)
	for n := range 2000 {
		c := soakUnserved(nil, fmt.Sprint("New", n))
		if wrong := c.wrong(c.send(ctx, s.steady.conns[0])); wrong != "" {
			s.t.Fatal(wrong)
		}
	}
}

func (s *soak) start() (*soakTarget, *soakProcess) {
	path := filepath.Join(shortDir(s.t), "cosi.sock")
	target, err := newSoakTarget(path)
	s.must(err)
	s.t.Cleanup(target.close)
	p, err := startSoakProcess(path)
	s.must(err)
	s.must(target.firstAnswer())
	return target, p
}

// kill ends what a failure has left.
func (s *soak) kill(p *soakProcess) {
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

func (s *soak) ask(q soakQuestion) soakReply {
	s.t.Helper()
	r, err := s.process.ask(q)
	s.must(err)
	return r
}

// interval is the time between two looks at the driver at rest.
func (s *soak) interval() time.Duration {
	return min(max(s.duration/24, 200*time.Millisecond), 15*time.Second)
}

// restart restarts the second driver until ctx ends.
func (s *soak) restart(ctx context.Context) {
	stay := min(max(s.duration/16, 100*time.Millisecond), 1500*time.Millisecond)
	p, err := s.restarted.keepRestarting(ctx, s.successor, stay, func(r soakRestart) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.restarts = append(s.restarts, r)
	})
	s.successor = p
	s.failed(err)
}

// watch looks at the driver, under load and at rest, until ctx ends or something is wrong.
func (s *soak) watch(ctx context.Context) {
	out := s.t.Output()
	fmt.Fprint(out, soakHead)
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

// look sees the driver under load, and then at rest, when nothing may be held that was not held before the first call.
func (s *soak) look() soakMoment {
	m := soakMoment{at: time.Since(s.began), load: s.ask(soakQuestion{}).Levels}
	s.steady.gate.Lock()
	defer s.steady.gate.Unlock()
	m.rest = s.atRest(s.base)
	return m
}

// atRest wants the driver, which nobody calls, to come down to base.
func (s *soak) atRest(base soakLevels) soakLevels {
	s.t.Helper()
	l := s.ask(soakQuestion{Rest: true, Base: &base}).Levels
	if !l.within(base) {
		s.t.Errorf("at rest, the driver holds %d goroutines and %d descriptors (before: %d and %d), %d locks and %d calls; its goroutines:\n%s",
			l.Goroutines, l.Descriptors, base.Goroutines, base.Descriptors, l.Locks, l.Calls, s.ask(soakQuestion{Stacks: true}).Stacks)
	}
	if l.Overlaps > 0 {
		s.t.Errorf("%d handlers began while another one had their bucket", l.Overlaps)
	}
	return l
}

// finish ends both drivers, and judges the whole run.
func (s *soak) finish() {
	if s.duration >= soakWarm {
		var err error
		s.silence, err = s.steady.silence()
		s.failed(err)
	}
	s.steady.close()
	s.atRest(s.empty)
	for _, p := range []*soakProcess{s.process, s.successor} {
		s.failed(errors.Join(p.signal(syscall.SIGTERM), p.end()))
	}
	for _, target := range []*soakTarget{s.steady, s.restarted} {
		for _, fault := range target.faults[:min(len(target.faults), 20)] {
			s.t.Error("wrong answer: ", fault)
		}
	}
	for _, r := range s.restarts {
		if *soakDuration > 0 && r.took > soakStartLimit {
			s.t.Errorf("after %s, the next driver answered after %s; %s are allowed", r.signal, r.took, soakStartLimit)
		}
	}
	s.trends = soakTrends(s.moments)
	for _, trend := range s.trends {
		s.failed(trend.err())
	}
	fmt.Fprintf(s.t.Output(), "\n%s", s.summary())
}

// sum adds up both drivers' calls.
func (s *soak) sum() soakTally {
	a, b := s.steady.tally(), s.restarted.tally()
	return soakTally{a.calls + b.calls, a.buckets + b.buckets, a.lost + b.lost, a.wrong + b.wrong}
}

// answered counts the answers of both drivers with a code.
func (s *soak) answered(code codes.Code) (n int) {
	for _, target := range []*soakTarget{s.steady, s.restarted} {
		target.mu.Lock()
		n += target.answers[code]
		target.mu.Unlock()
	}
	return n
}

func (s *soak) restartsSoFar() []soakRestart {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.restarts)
}
