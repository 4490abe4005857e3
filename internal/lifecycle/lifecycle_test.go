package lifecycle_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/doomshrine/gocosi/internal/conns"
	"github.com/doomshrine/gocosi/internal/health"
	"github.com/doomshrine/gocosi/internal/inflight"
	"github.com/doomshrine/gocosi/internal/lifecycle"
	"github.com/doomshrine/gocosi/internal/safelog"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

const shutdown = 20 * time.Second

// life is a server that runs.
type life struct {
	*lifecycle.Running

	logs *harness.Logs
	end  func() // what Start returned, and the end of the log
}

// start runs a server without services of its own on a listener.
func start(lis net.Listener) life {
	logs := &harness.Logs{}
	log := safelog.New(logs.Logger())
	r := &lifecycle.Running{
		Server: grpc.NewServer(), Health: health.New(log.Queued(), nil), Listener: conns.Track(lis), Calls: &inflight.Table{}, Ending: &atomic.Bool{},
		Log: log, Shutdown: shutdown, ShutdownFrom: "LIMIT",
	}
	healthpb.RegisterHealthServer(r.Server, r.Health)
	r.Health.Know(r.Server.GetServiceInfo())
	end := r.Start()
	return life{r, logs, func() { end(); log.Close(lifecycle.LogTimeout) }}
}

// odd is a listener that does as it likes.
type odd struct {
	net.Listener

	accept func() (net.Conn, error)
	close  func() error
	lost   func() error
}

func (l odd) Accept() (net.Conn, error) { return l.accept() }
func (l odd) Close() error              { return errors.Join(l.Listener.Close(), l.close()) }
func (l odd) Lost() error               { return l.lost() }

func newOdd() odd {
	lis := bufconn.Listen(1)
	return odd{lis, lis.Accept, func() error { return nil }, func() error { return nil }}
}

var errOdd = errors.New("odd")

// TestEnds ends servers in every way, and measures how long that takes.
func TestEnds(t *testing.T) {
	t.Parallel()
	call := func(begin, leave bool) func(*life) {
		return func(l *life) {
			c := &inflight.Call{Name: "Method", Start: time.Now()}
			l.Calls.Enter(c)
			if begin {
				c.Bucket = "bucket"
				c.Begin()
			}
			go func() {
				_, _ = c.Wait()
				if leave {
					l.Calls.Leave(c)
				}
			}()
		}
	}
	for name, tt := range map[string]struct {
		listener func(*odd)
		before   func(*life)
		wait     string        // the error of Wait
		after    time.Duration // of which it takes
		drain    string        // the error of Drain
		takes    time.Duration // the end, at most
		logged   string
	}{
		"nothing to do":            {logged: "stopping"},
		"accepting fails":          {listener: func(o *odd) { o.accept = func() (net.Conn, error) { return nil, errOdd } }, wait: "serving on bufconn: odd"},
		"accepting panics":         {listener: func(o *odd) { o.accept = func() (net.Conn, error) { panic("odd") } }, wait: "serving on bufconn: panic: odd"},
		"closing fails":            {listener: func(o *odd) { o.close = func() error { return errOdd } }, logged: "listener was not closed cleanly"},
		"closing panics":           {listener: func(o *odd) { o.close = func() error { panic("odd") } }, logged: "listener was not closed cleanly"},
		"socket is lost":           {listener: func(o *odd) { o.lost = func() error { return errOdd } }, wait: "odd", after: 5 * time.Second, logged: "socket is lost"},
		"call waits for caller":    {before: call(false, true), takes: time.Second},
		"call is never finished":   {before: call(true, false), takes: 2 * time.Second, logged: `"handlers ignore their context and are abandoned" "calls"="Method bucket`},
		"stream is never finished": {before: call(false, false), takes: 2 * time.Second, logged: `"handlers ignore their context and are abandoned" "calls"="Method (`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lis := newOdd()
				if tt.listener != nil {
					tt.listener(&lis)
				}
				l := start(lis)
				if tt.before != nil {
					tt.before(&l)
				}
				ctx, stop := context.WithCancel(t.Context())
				time.AfterFunc(time.Minute, stop)
				begun := time.Now()
				err := l.Wait(ctx)
				if tt.wait == "" {
					tt.after = time.Minute
				}
				if took := time.Since(begun); tt.wait == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.wait) || took != tt.after {
					t.Errorf("Wait: %v after %s, want %q after %s", err, took, tt.wait, tt.after)
				}
				begun = time.Now()
				err = l.Drain()
				l.end()
				if took := time.Since(begun); err != nil || took > tt.takes {
					t.Errorf("Drain: %v; the end took %s, want at most %s", err, took, tt.takes)
				}
				if !l.Ending.Load() {
					t.Error("the end is not noted")
				}
				if found := l.logs.Lines(tt.logged); len(found) != 1 && tt.logged != "" {
					t.Errorf("%d lines have %s, want one", len(found), tt.logged)
				}
			})
		})
	}
}

// TestListenerThatHangs closes a listener that takes for ever.
func TestListenerThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		lis := newOdd()
		lis.close = func() error { <-release; return nil }
		l := start(lis)
		begun := time.Now()
		if err := l.Drain(); err != nil {
			t.Error(err)
		}
		l.end()
		if took := time.Since(begun); took > shutdown+2*time.Second {
			t.Errorf("the end took %s, want at most %s", took, shutdown+2*time.Second)
		}
		close(release)
	})
}

// TestTroubleIsToldSeldom lets a listener fail for an hour.
func TestTroubleIsToldSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		full.Store(true)
		lis := newOdd()
		accept := lis.accept
		lis.accept = func() (net.Conn, error) {
			if full.Load() {
				return nil, temporary{errOdd}
			}
			return accept()
		}
		l := start(lis)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- l.Wait(ctx) }()
		time.Sleep(time.Hour)
		if l.Listener.Trouble() == nil {
			t.Error("the listener does not tell of its trouble")
		}
		full.Store(false)
		conn, err := lis.Listener.(*bufconn.Listener).Dial()
		if err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		conn.Close()
		stop()
		if err := errors.Join(<-ended, l.Drain()); err != nil {
			t.Error(err)
		}
		l.end()
		if n := len(l.logs.Lines("connections cannot be accepted", "odd")); n < 5 || n > 7 {
			t.Errorf("%d lines in an hour, want one in ten minutes", n)
		}
		if n := len(l.logs.Lines("connections are accepted again")); n != 1 {
			t.Errorf("%d lines about the end of the trouble, want one", n)
		}
	})
}

// temporary is an error after which gRPC tries again.
type temporary struct{ error }

func (temporary) Temporary() bool { return true }

// TestStopping holds what callers are told whom the drain does not wait for.
func TestStopping(t *testing.T) {
	t.Parallel()
	if status.Code(lifecycle.ErrStopping) != codes.Unavailable {
		t.Errorf("got %v, want UNAVAILABLE", lifecycle.ErrStopping)
	}
}
