//go:build e2e

package e2e_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

// The tenants of a story with two pods, and the time between two of them.
const (
	tenants = 30
	arrival = 150 * time.Millisecond
)

// twoPods starts a leader and a standby, whose drivers work on one store.
func (s *story) twoPods() (leader, standby *pod) {
	s.Helper()
	leader = s.faultPod("pod-1")
	eventually(s.T, "pod-1 leads", leader.leads)
	return leader, s.faultPod("pod-2")
}

// leaderKilled kills the leader's driver and sidecar at once under load.
func leaderKilled(s *story) {
	leader, standby := s.twoPods()
	l := s.load(tenants, arrival)
	l.until("a third is served", func() bool { return l.has() >= tenants/3 })
	l.takenOver("killed", leader.kill(), standby)
	l.settle()
	l.callFigures()
	l.reckon()
}

// leaderStopped stops the leader cleanly under load.
func leaderStopped(s *story) {
	leader, standby := s.twoPods()
	l := s.load(tenants, arrival)
	l.until("a third is served", func() bool { return l.has() >= tenants/3 })
	var asked time.Time
	l.during("the leader ends", func() { asked = leader.stop() })
	l.takenOver("asked to stop", asked, standby)
	l.settle()
	l.callFigures()
	l.reckon()
}

// leaderPaused pauses the leader until its lease is over and the standby has worked, and lets it go on while the load does.
func leaderPaused(s *story) {
	leader, standby := s.twoPods()
	l := s.load(2*tenants, arrival)
	l.until("a sixth is served", func() bool { return l.has() >= l.size/6 })
	l.two = true // from now on the old leader may go on at any time
	acquired := l.takenOver("paused", leader.pause(), standby)
	half := l.has() + l.size/6
	l.until("the standby serves", func() bool { return l.has() >= half })
	resumed := leader.resume()
	l.until("the old leader's sidecar has ended", func() bool { return leader.sidecar.ends.Load() > 0 })
	ended := time.Now()
	l.step() // for those who have just begun to leave
	l.two = false
	l.settle()
	calls := l.podCalls()
	creates, grants := between(calls, leader.name, create, acquired, ended), between(calls, leader.name, grant, acquired, ended)
	if between(calls, leader.name, "", acquired, resumed) > 0 {
		s.Error("the old leader was called while it was paused")
	}
	if creates+grants == 0 {
		s.Error("the old leader did nothing when it woke, want calls by both leaders: the story shows nothing")
	}
	if late := between(calls, leader.name, "", ended.Add(time.Second), time.Now()); late > 0 {
		s.Errorf("%d calls by the old leader after its sidecar ended, want none", late)
	}
	s.figure(fmt.Sprintf("it woke and led beside the standby for %s: %d creates and %d grants", scaled(ended.Sub(resumed)), creates, grants))
	l.callFigures()
	l.reckon()
}

// rollingUpgrade replaces two pods one by one under load.
func rollingUpgrade(s *story) {
	leader, standby := s.twoPods()
	l := s.load(tenants, arrival)
	l.until("a sixth is served", func() bool { return l.has() >= tenants/6 })
	l.roll([]*pod{leader, standby}, func(n int) *pod { return s.faultPod(fmt.Sprintf("pod-%d", n)) })
	l.settle()
	l.callFigures()
	l.reckon()
}

// roll replaces pods one by one, as the component ha makes a Deployment do: an old one ends, and a new one takes its place. It returns the
// new ones.
func (l *load) roll(pods []*pod, start func(n int) *pod) []*pod {
	l.Helper()
	all := slices.Clone(pods)
	for i, old := range pods {
		led, asked := old.leads(), time.Time{}
		l.during(old.name+" ends", func() { asked = old.stop() })
		all = append(all, start(len(pods)+i+1))
		if led {
			l.takenOver(old.name+" asked to stop", asked, all[i+1:]...)
		}
	}
	return all[len(pods):]
}

// takenOver waits until one of the other pods leads and works, and returns when it began to lead.
func (l *load) takenOver(what string, when time.Time, others ...*pod) time.Time {
	l.Helper()
	var now election
	l.until("another pod leads", func() bool {
		now = l.election(l.driverName())
		return slices.ContainsFunc(others, func(p *pod) bool { return p.name == now.leader })
	})
	var first time.Time
	l.until(now.leader+" works", func() bool {
		calls := l.podCalls()
		i := slices.IndexFunc(calls, func(c fault.Call) bool { return c.Pod == now.leader && c.At.After(when) })
		if i >= 0 {
			first = calls[i].At
		}
		return i >= 0
	})
	l.figure(fmt.Sprintf("%s: nobody led for %s, first call after %.1fs", what, scaled(now.acquired.Sub(when)), first.Sub(when).Seconds()))
	return now.acquired
}

// scaled formats a time of the election, with what it is at the released sidecar's times.
func scaled(d time.Duration) string {
	return fmt.Sprintf("%.1fs (%.0f s with the released times)", d.Seconds(), (d * scale).Seconds())
}
