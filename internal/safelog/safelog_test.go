package safelog_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/doomshrine/gocosi/internal/safelog"
)

// odd is a sink that writes to a list, and does first what the line's message asks for.
type odd struct {
	logr.LogSink

	mu    *sync.Mutex
	lines *[]string
	stop  chan struct{} // "block" waits for it
}

func newOdd() odd {
	o := odd{mu: &sync.Mutex{}, lines: &[]string{}, stop: make(chan struct{})}
	o.LogSink = funcr.New(func(_, line string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		*o.lines = append(*o.lines, line)
	}, funcr.Options{Verbosity: 1}).GetSink()
	return o
}

func (o odd) do(what string) {
	switch what {
	case "panic":
		panic("odd")
	case "exit":
		runtime.Goexit()
	case "block":
		<-o.stop
	}
}

func (o odd) Info(level int, msg string, keysAndValues ...any) {
	o.do(msg)
	o.LogSink.Info(level, msg, keysAndValues...)
}

func (o odd) Error(err error, msg string, keysAndValues ...any) {
	o.do(msg)
	o.LogSink.Error(err, msg, keysAndValues...)
}

func (o odd) WithValues(keysAndValues ...any) logr.LogSink {
	if keysAndValues[0] == "panic" {
		panic("odd")
	}
	o.LogSink = o.LogSink.WithValues(keysAndValues...)
	return o
}

func (o odd) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(*o.lines, "\n")
}

func TestLinesPassThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOdd()
		l := safelog.New(logr.New(o).WithValues("given", 1))
		for name, log := range map[string]logr.Logger{"direct": l.Direct(), "queued": l.Queued()} {
			log.WithValues("with", 2).Info("an info of "+name, "key", 3)
			log.WithName("named").Error(errors.New("x"), "an error of "+name)
			log.V(1).Info("a detail of " + name)
			log.V(2).Info("hidden")
			log.WithValues("panic", 0).Info("without values of " + name)
		}
		if !l.Enabled(1) || l.Enabled(2) {
			t.Error("Enabled says something else than the logger, want the same")
		}
		l.Close(time.Second)
		l.Close(time.Second)
		l.Queued().Info("too late")
		if l.Dropped() != 1 {
			t.Errorf("%d lines were dropped, want the late one", l.Dropped())
		}
		for _, name := range []string{"direct", "queued"} {
			for _, want := range []string{
				fmt.Sprintf(`"msg"="an info of %s" "given"=1 "with"=2 "key"=3`, name), fmt.Sprintf(`"msg"="an error of %s" "error"="x"`, name),
				"a detail of " + name, "without values of " + name,
			} {
				if !strings.Contains(o.text(), want) {
					t.Errorf("got %s, want %s", o.text(), want)
				}
			}
		}
		if strings.Contains(o.text(), "hidden") || strings.Contains(o.text(), "too late") {
			t.Errorf("got %s, want neither hidden lines nor late ones", o.text())
		}
	})
}

func TestNoLogger(t *testing.T) {
	t.Parallel()
	l := safelog.New(logr.Logger{})
	defer l.Close(time.Second)
	l.Direct().Info("nothing")
	l.Queued().Error(nil, "nothing")
	if l.Enabled(0) {
		t.Error("a logger that discards is enabled, want it not to be")
	}
}

// TestSinkMisbehaves writes a line that harms between lines that do not.
func TestSinkMisbehaves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what   string
		direct bool
	}{{"panic", true}, {"panic", false}, {"exit", false}} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := newOdd()
				l := safelog.New(logr.New(o))
				log := l.Queued()
				if tt.direct {
					log = l.Direct()
				}
				log.Info("before")
				log.Info(tt.what)
				log.Error(nil, tt.what)
				log.Info("after")
				synctest.Wait()
				if text := o.text(); !strings.Contains(text, "before") || !strings.Contains(text, "after") || l.Dropped() != 2 {
					t.Errorf("got %s and %d dropped lines, want the good lines and 2", text, l.Dropped())
				}
				l.Observe(time.Now(), false)
				l.Close(time.Second)
				if !strings.Contains(o.text(), `"msg"="log lines were dropped" "lines"=2`) || l.Dropped() != 0 {
					t.Errorf("got %s, want the number of lines that were dropped", o.text())
				}
			})
		})
	}
}

func TestSinkIsStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOdd()
		l := safelog.New(logr.New(o))
		begun := time.Now()
		l.Queued().Info("block")
		for i := range 1000 {
			l.Queued().Info(fmt.Sprintf("queued %d", i))
		}
		synctest.Wait()
		const once = 400 * time.Millisecond // for the first line alone
		if took := time.Since(begun); took > once || l.Dropped() == 0 || l.Dropped() == 1000 {
			t.Errorf("%d lines were dropped after %s, want those that the queue has no room for, after %s", l.Dropped(), took, once)
		}
		l.Observe(time.Now(), false)
		l.Direct().Info("not known to be stuck")
		time.Sleep(safelog.StuckAfter + 1)
		l.Observe(time.Now(), false)
		before := l.Dropped()
		l.Direct().Info("block")
		l.Direct().Error(nil, "block")
		if !l.Direct().Enabled() || l.Dropped() != before+2 {
			t.Errorf("%d direct lines were dropped, want 2", l.Dropped()-before)
		}
		begun = time.Now()
		close(o.stop)
		synctest.Wait()
		l.Observe(time.Now(), true)
		l.Direct().Info("somebody else is stuck")
		l.Observe(time.Now(), false)
		l.Direct().Info("well again")
		l.Close(time.Second)
		text := o.text()
		for _, want := range []string{"not known to be stuck", "queued 0", "well again", "log lines were dropped"} {
			if !strings.Contains(text, want) {
				t.Errorf("got %.2000s, want %s", text, want)
			}
		}
		if strings.Contains(text, "somebody else") || time.Since(begun) > 0 {
			t.Error("a line was written while one was stuck, want it to be dropped")
		}
	})
}

func TestStuckForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOdd()
		defer close(o.stop)
		l := safelog.New(logr.New(o))
		l.Queued().Info("block")
		synctest.Wait()
		begun := time.Now()
		l.Close(time.Minute)
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("Close took %s, want its limit", took)
		}
	})
}

// thinker is a sink that thinks about its verbosity for good.
type thinker struct{ odd }

func (o thinker) Enabled(int) bool { <-o.stop; return true }

func TestEnabledIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := thinker{newOdd()}
		defer close(o.stop)
		l := safelog.New(logr.New(o))
		defer l.Close(time.Second)
		begun := time.Now()
		if l.Enabled(0) || time.Since(begun) != time.Second {
			t.Errorf("got an answer after %s, want no after a second", time.Since(begun))
		}
	})
}

// TestLateLoggerEndsItsGoroutine closes a log whose queue is full. When the logger goes on, nothing stays behind: synctest
// fails on a goroutine that never ends.
func TestLateLoggerEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(*testing.T) {
		o := newOdd()
		l := safelog.New(logr.New(o))
		queued := l.Queued()
		for range 1000 {
			queued.Info("block")
		}
		l.Close(time.Millisecond)
		close(o.stop)
	})
}
