package safelog

import "github.com/go-logr/logr"

// sink is the logger's own sink, guarded.
type sink struct {
	inner logr.LogSink
	log   *Log
	queue bool
}

// Init does nothing: the inner sink was initialised by its own logger.
func (s sink) Init(logr.RuntimeInfo) {}

// Enabled asks the inner sink. A queued line asks when it is written: to ask may block as well.
func (s sink) Enabled(level int) (enabled bool) {
	if s.queue {
		return true
	}
	if s.log.stuck.Load() {
		return true // Info counts what it drops
	}
	defer s.log.recovered()
	return s.inner.Enabled(level)
}

func (s sink) Info(level int, msg string, keysAndValues ...any) {
	if s.queue {
		s.log.enqueue(func() {
			if s.inner.Enabled(level) {
				s.inner.Info(level, msg, keysAndValues...)
			}
		})
		return
	}
	if s.log.stuck.Load() {
		s.log.drop()
		return
	}
	defer s.log.recovered()
	s.inner.Info(level, msg, keysAndValues...)
}

func (s sink) Error(err error, msg string, keysAndValues ...any) {
	if s.queue {
		s.log.enqueue(func() { s.inner.Error(err, msg, keysAndValues...) })
		return
	}
	if s.log.stuck.Load() {
		s.log.drop()
		return
	}
	defer s.log.recovered()
	s.inner.Error(err, msg, keysAndValues...)
}

// WithValues adds to the inner sink, at once.
func (s sink) WithValues(keysAndValues ...any) logr.LogSink {
	inner := s.inner
	s.inner = with(inner, func() logr.LogSink { return inner.WithValues(keysAndValues...) })
	return s
}

// WithName names the inner sink.
func (s sink) WithName(name string) logr.LogSink {
	inner := s.inner
	s.inner = with(inner, func() logr.LogSink { return inner.WithName(name) })
	return s
}
