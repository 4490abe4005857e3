// Package safelog keeps a logger from harming the program that logs: a line that panics is lost, one that is stuck holds up
// nothing but itself, and what was lost is counted.
package safelog

import (
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi/internal/foreign"
)

const (
	// StuckAfter is how long a line may take before those that follow are dropped.
	StuckAfter = 1500 * time.Millisecond
	// queued limits the lines that wait to be written.
	queued = 256
	// lineTimeout limits how long a queued line is waited for, once for each time that the queue falls behind.
	lineTimeout = 400 * time.Millisecond
	// askTimeout limits how long the logger may think about its verbosity.
	askTimeout = time.Second
)

// Log guards a logger. Its methods are safe for concurrent use.
type Log struct {
	inner   logr.Logger
	queue   chan func()
	done    chan struct{} // closed when the last line of the queue is written
	since   atomic.Int64  // when the line that the queue writes was begun, in Unix nanoseconds; 0: none is
	behind  atomic.Bool   // a line was waited for in vain
	stuck   atomic.Bool
	closed  atomic.Bool
	dropped atomic.Int64
}

// New guards a logger. The caller must call Close.
func New(inner logr.Logger) *Log {
	l := &Log{inner: inner, queue: make(chan func(), queued), done: make(chan struct{})}
	go l.write()
	return l
}

// Enabled asks the logger whether it shows lines of a level. It waits no longer than a second; then the answer is no.
func (l *Log) Enabled(level int) bool {
	enabled, err := foreign.Ask(askTimeout, func() bool { return l.inner.V(level).Enabled() })
	return err == nil && enabled
}

// Queued returns a logger whose lines another goroutine writes, in their order. It waits for each line, so that what follows
// follows, but not for long: for less than half a second, and not at all while the logger is behind.
func (l *Log) Queued() logr.Logger { return l.guard(true) }

// Direct returns a logger whose lines are written by the goroutine that logs, unless the logger is stuck.
func (l *Log) Direct() logr.Logger { return l.guard(false) }

func (l *Log) guard(queue bool) logr.Logger {
	inner := l.inner.GetSink()
	if inner == nil {
		return logr.Discard()
	}
	if deeper, ok := inner.(logr.CallDepthLogSink); ok && !queue {
		inner = with(inner, func() logr.LogSink { return deeper.WithCallDepth(1) })
	}
	return logr.New(sink{inner, l, queue}).V(l.inner.GetV())
}

// with returns the sink that a method of another one makes, or that one: a sink may do anything.
func with(sink logr.LogSink, change func() logr.LogSink) logr.LogSink {
	changed, err := foreign.Ask(askTimeout, change)
	if err != nil || foreign.IsNil(changed) {
		return sink
	}
	return changed
}

// Observe learns whether the logger is stuck: the caller knows of its direct lines, the queue of its own. When the logger
// has recovered, it tells how many lines were dropped.
func (l *Log) Observe(now time.Time, direct bool) {
	since := l.since.Load()
	stuck := direct || since > 0 && now.UnixNano()-since > int64(StuckAfter)
	if l.stuck.Swap(stuck); stuck {
		return
	}
	if n := l.dropped.Swap(0); n > 0 {
		l.Queued().Info("log lines were dropped", "lines", n)
	}
}

// Dropped returns how many lines were dropped since the last one that told.
func (l *Log) Dropped() int64 { return l.dropped.Load() }

// Close waits until the queue is written, at most for the limit; what is logged later is dropped.
func (l *Log) Close(limit time.Duration) {
	if l.closed.Swap(true) {
		return
	}
	go func() { l.queue <- nil }() // the last one, whenever there is room
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-l.done:
	case <-late.C:
	}
}

// write writes the queue. A line that ends its goroutine costs that goroutine, not those that follow.
func (l *Log) write() {
	defer close(l.done)
	for {
		ended := make(chan bool)
		go func() {
			last := false
			defer func() { ended <- last }()
			l.writeSome()
			last = true
		}()
		if <-ended {
			return
		}
		l.since.Store(0)
		l.drop()
	}
}

// writeSome writes lines until the last one.
func (l *Log) writeSome() {
	for line := range l.queue {
		if line == nil {
			return
		}
		l.since.Store(time.Now().UnixNano())
		line()
		l.since.Store(0)
		l.behind.Store(len(l.queue) > 0)
	}
}

// drop counts a line that is lost.
func (l *Log) drop() { l.dropped.Add(1) }

// recovered is deferred around the sink: a panic of its costs the line.
func (l *Log) recovered() {
	if recover() != nil {
		l.drop()
	}
}

// enqueue hands a line to the goroutine that writes, or drops it.
func (l *Log) enqueue(line func()) {
	if l.stuck.Load() || l.closed.Load() {
		l.drop()
		return
	}
	written := make(chan struct{})
	select {
	case l.queue <- func() { defer close(written); defer l.recovered(); line() }:
		l.await(written)
	default:
		l.drop()
	}
}

// await waits for a line that was queued.
func (l *Log) await(written <-chan struct{}) {
	if l.behind.Load() {
		return
	}
	late := time.NewTimer(lineTimeout)
	defer late.Stop()
	select {
	case <-written:
	case <-late.C:
		l.behind.Store(true)
	}
}
