package soak_test

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/doomshrine/gocosi/internal/tools/plotdata"
)

// tableHead begins a table with one row a minute.
const tableHead = `| after | calls | calls/s | wrong answers | goroutines | descriptors | locks | calls in flight | heap | memory | under load | restarts | slowest |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
`

// row describes the last moment, and all calls and restarts so far.
func (s *soak) row() string {
	m := s.moments[len(s.moments)-1]
	slowest := time.Duration(0)
	for _, r := range m.restarts {
		slowest = max(slowest, r.took)
	}
	return fmt.Sprintf("| %s | %d | %.0f | %d | %d | %d | %d | %d | %s | %s | %s | %d | %s |\n",
		m.at.Round(time.Second), m.sum.calls, float64(m.sum.calls)/m.at.Seconds(), m.sum.wrong,
		m.rest.Goroutines, m.rest.Descriptors, m.rest.Locks, m.rest.Calls,
		mebibytes(m.rest.Heap), mebibytes(m.rest.Resident), mebibytes(m.load.Resident),
		len(m.restarts), slowest.Round(time.Millisecond))
}

// summary lists the results of the whole run.
func (s *soak) summary() string {
	var text strings.Builder
	sum := s.sum()
	fmt.Fprintf(&text, "- %d calls by %d callers in %s, for %d distinct buckets; %d wrong answers.\n",
		sum.calls, steadyCallers+restartedCallers, s.duration, sum.buckets, sum.wrong)
	fmt.Fprintf(&text, "- The answers: %s.\n", s.codes())
	fmt.Fprintf(&text, "- At rest, %d times, the driver held at most %d goroutines and %d descriptors (%d and %d before the first call), %d locks and %d calls.\n",
		len(s.moments), s.most(func(l levels) int { return l.Goroutines }), s.most(func(l levels) int { return l.Descriptors }),
		s.base.Goroutines, s.base.Descriptors,
		s.most(func(l levels) int { return l.Locks }), s.most(func(l levels) int { return l.Calls }))
	fmt.Fprintf(&text, "- Under load, at most %d goroutines.\n", slices.Max(figures(s.moments, func(m moment) int64 { return int64(m.load.Goroutines) })))
	for _, t := range s.trends {
		fmt.Fprintf(&text, "- %s.\n", t)
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		text.WriteString(s.restartsBy(signal))
	}
	if s.silence > 0 {
		fmt.Fprintf(&text, "- The driver closed a silent connection after %s.\n", s.silence.Round(100*time.Millisecond))
	}
	return text.String()
}

// most returns the highest level at rest.
func (s *soak) most(level func(levels) int) (highest int) {
	for _, m := range s.moments {
		highest = max(highest, level(m.rest))
	}
	return highest
}

// codes lists how often each code was answered.
func (s *soak) codes() string {
	var list []string
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if n := s.answered(code); n > 0 {
			list = append(list, fmt.Sprintf("%s %d", code, n))
		}
	}
	return strings.Join(list, ", ")
}

// restartsBy describes the restarts by the signal.
func (s *soak) restartsBy(signal syscall.Signal) string {
	var took []time.Duration
	lost := 0
	for _, r := range s.restartsSoFar() {
		if r.signal == signal {
			took = append(took, r.took)
			lost += r.lost
		}
	}
	if len(took) == 0 {
		return ""
	}
	name := map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGKILL: "SIGKILL"}[signal]
	return fmt.Sprintf("- %d restarts by %s: the next driver answered after %s (median), %s (slowest); %d calls were lost and answered UNAVAILABLE.\n",
		len(took), name, median(took).Round(time.Millisecond), slices.Max(took).Round(time.Millisecond), lost)
}

// documentText surrounds the results of a run.
const documentText = `# Endurance

<!-- written by "make soak DURATION=30m REPORT=docs/endurance.md" -->

%d callers mix all methods over Unix sockets. %d call a driver that never restarts, %d call a driver that restarts all the
time, after SIGTERM and SIGKILL in turn. Both drivers are processes of their own, with logs, traces and metrics on. Every
request carries a plan, so that its caller knows the answer in advance and compares code, message and content:
successes small and as large as the specification allows; every status code, direct, wrapped and with details; panics,
bare errors, nil and answers that break a rule; handlers that are slow, that ignore their context, that never end;
requests that break a rule, that are no messages, that are too large; methods that are not served. One call in ten has
a deadline of up to 20 ms, one in ten is cancelled within that time, one in eight competes for one of %d buckets; every
other call has a bucket of its own. A vandal opens connections and closes them after nothing, rubbish, half a frame, or
during a call. The run begins with calls of 2,000 methods that no driver serves, because OpenTelemetry's metrics keep at
most that many series.

Every %s the callers pause. The driver must then have no more goroutines and descriptors than before the first call, and
no lock and no call; the table shows the figures. Each point of the plots is such a pause. The run compares memory between
the first and the last quarter after its first minute. "Memory" is the memory that the process has from the system; "under
load" is the median of five readings just before the pause. A restarted driver must answer within %s of the signal, and a driver that ends by
SIGTERM must leave no goroutine and no descriptor behind. A shorter run is part of CI, and any
deviation fails it.

%s

%s
%s
The machine: %s.
`

// report writes the run as a page of docs, and its series next to it.
func (s *soak) report(path string) {
	s.failed(os.WriteFile(path, []byte(s.document()), 0o644))
	s.failed(plotdata.File{Endurance: s.series()}.Write(plotdata.Path(path, "endurance")))
}

// series returns what the plots show.
func (s *soak) series() *plotdata.Endurance {
	const mebibyte = 1 << 20
	e := plotdata.Endurance{BaseGoroutines: s.base.Goroutines}
	for _, m := range s.moments {
		e.Moments = append(e.Moments, plotdata.Moment{
			Seconds: m.at.Seconds(), Calls: int64(m.sum.calls), Restarts: len(m.restarts),
			Goroutines: m.rest.Goroutines, LoadedGoroutines: m.load.Goroutines,
			Heap: float64(m.rest.Heap) / mebibyte, Memory: float64(m.rest.Resident) / mebibyte, LoadedMemory: float64(m.load.Resident) / mebibyte,
		})
	}
	return &e
}

// document returns the run as a page of docs.
func (s *soak) document() string {
	return fmt.Sprintf(documentText, steadyCallers+restartedCallers, steadyCallers, restartedCallers, hotBuckets,
		s.interval(), startLimit, s.series().Picture().HTML(), tableHead+s.everyFifth(), s.summary(), machine())
}

// everyFifth shortens the table of a long run.
func (s *soak) everyFifth() string {
	var text strings.Builder
	for i, row := range s.rows {
		if len(s.rows) <= 10 || i == 0 || (i+1)%5 == 0 {
			text.WriteString(row)
		}
	}
	return text.String()
}

// machine describes where this runs.
func machine() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	model := "unknown"
	if found := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(info); found != nil {
		model = string(found[1])
	}
	release := regexp.MustCompile(`^\d+\.\d+`).FindString(string(kernel)) // the rest names a build
	return fmt.Sprintf("%s, %d cores, Linux %s, %s", model, runtime.NumCPU(), release, runtime.Version())
}
