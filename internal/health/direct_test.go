package health_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/health"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// newServer makes a server that knows one service, "a".
func newServer(log *harness.Logs, ready func(context.Context) error) *health.Server {
	h := health.New(log.Logger(), ready)
	h.Know(map[string]grpc.ServiceInfo{"a": {}})
	return h
}

// watcher is a watch's stream, which no network carries.
type watcher struct {
	healthpb.Health_WatchServer

	ctx  context.Context //nolint:containedctx // the stream's
	sent chan healthpb.HealthCheckResponse_ServingStatus
	fail func() error // of Send
}

func (w *watcher) Context() context.Context { return w.ctx }

func (w *watcher) Send(m *healthpb.HealthCheckResponse) error {
	if err := w.fail(); err != nil {
		return err
	}
	w.sent <- m.GetStatus()
	return nil
}

// watch opens a watch, and returns what it ends with.
func watch(ctx context.Context, h *health.Server, service string) (w *watcher, ended <-chan error) {
	w = &watcher{ctx: ctx, sent: make(chan healthpb.HealthCheckResponse_ServingStatus, 8), fail: func() error { return nil }}
	end := make(chan error, 1)
	go func() { end <- h.Watch(&healthpb.HealthCheckRequest{Service: service}, w) }()
	return w, end
}

// TestMostWatchers opens as many watches as there may be, and one more.
func TestMostWatchers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newServer(&harness.Logs{}, nil)
		ctx, leave := context.WithCancel(t.Context())
		_, left := watch(ctx, h, "a")
		for range bound.Watches - 1 {
			w, _ := watch(t.Context(), h, "a")
			if got := <-w.sent; got != yes {
				t.Errorf("the watch begins with %s, want %s", got, yes)
			}
		}
		if _, refused := watch(t.Context(), h, "a"); status.Code(<-refused) != codes.ResourceExhausted {
			t.Error("one watch too many is not refused")
		}
		leave()
		if err := <-left; status.Code(err) != codes.Canceled {
			t.Errorf("the watch that was left ends with %v, want CANCELLED", err)
		}
		if w, _ := watch(t.Context(), h, "a"); <-w.sent != yes {
			t.Error("nobody may watch when one has left")
		}
		if _, refused := watch(t.Context(), h, "a"); status.Code(<-refused) != codes.ResourceExhausted {
			t.Error("two may watch when one has left, want one")
		}
		h.Drain()
	})
}

// TestDrainEndsWatches drains a server whose function would never return.
func TestDrainEndsWatches(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fails error
		want  codes.Code
	}{"who listens": {nil, codes.Unavailable}, "who has gone": {errors.New("gone"), codes.Unknown}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log harness.Logs
				var draining atomic.Bool
				h := newServer(&log, func(ctx context.Context) error {
					if !draining.Load() {
						return nil
					}
					<-ctx.Done()
					time.Sleep(time.Second)
					return ctx.Err()
				})
				w, ended := watch(t.Context(), h, "a")
				if got := <-w.sent; got != yes {
					t.Errorf("the watch begins with %s, want %s", got, yes)
				}
				draining.Store(true)
				waiting := make(chan healthpb.HealthCheckResponse_ServingStatus, 1)
				go func() {
					answer, err := h.Check(context.Background(), &healthpb.HealthCheckRequest{})
					if err != nil {
						t.Error(err)
					}
					waiting <- answer.GetStatus()
				}()
				synctest.Wait()
				w.fail = func() error { return tt.fails }
				begun := time.Now()
				h.Drain()
				if got := <-waiting; got != no || time.Since(begun) > 0 {
					t.Errorf("the check says %s after %s, want %s at once", got, time.Since(begun), no)
				}
				if err := <-ended; status.Code(err) != tt.want {
					t.Errorf("the watch ends with %v, want %s", err, tt.want)
				}
				close(w.sent)
				last := yes
				for last = range w.sent {
					if last != no {
						t.Errorf("the watch says %s at its end, want %s", last, no)
					}
				}
				if tt.fails == nil && last != no {
					t.Errorf("the watch does not end with %s", no)
				}
				if answer, err := h.List(t.Context(), &healthpb.HealthListRequest{}); err != nil || answer.GetStatuses()["a"].GetStatus() != no {
					t.Errorf("the list says %v, %v; want %s", answer, err, no)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if lines := log.Lines(`"msg"="not ready"`); len(lines) > 0 {
					t.Errorf("got %q, want no line about a function that the drain ended", lines)
				}
			})
		})
	}
}

// TestFunctionIsLate asks a function that heeds nothing: it has said no after five seconds, and is asked again when it has
// returned.
func TestFunctionIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log harness.Logs
		var asked atomic.Int32
		h := newServer(&log, func(context.Context) error {
			if asked.Add(1) == 1 {
				time.Sleep(time.Hour)
			}
			return nil
		})
		check := func(want healthpb.HealthCheckResponse_ServingStatus, takes time.Duration) {
			t.Helper()
			begun := time.Now()
			answer, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "a"})
			if took := time.Since(begun); err != nil || answer.GetStatus() != want || took != takes {
				t.Errorf("got %s, %v after %s; want %s after %s", answer.GetStatus(), err, took, want, takes)
			}
		}
		check(no, 5*time.Second)
		check(no, 0)
		if n := asked.Load(); n != 1 {
			t.Errorf("the function was asked %d times at once", n)
		}
		time.Sleep(time.Hour)
		check(yes, 0)
		if lines := log.Lines(`"msg"="not ready"`, "the readiness function has not returned for 5s"); len(lines) != 1 || len(log.Lines("ready")) != 2 {
			t.Errorf("got %q, want one line about the late function and one about its return", log.Lines(""))
		}
		h.Drain()
	})
}

// TestProbesGiveUp has a store that hangs, and probes that give up before the readiness function does. The driver is not ready then,
// although nobody waited for that answer.
func TestProbesGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log harness.Logs
		var hangs atomic.Bool
		h := newServer(&log, func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		defer h.Drain()
		probe := func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, _ = h.Check(ctx, &healthpb.HealthCheckRequest{})
		}
		probe()
		hangs.Store(true)
		for range 2 {
			probe()
		}
		if !h.Ready() {
			t.Error("not ready after two seconds, want nothing said before the question is over")
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if lines := log.Lines(`"msg"="not ready"`); h.Ready() || len(lines) != 1 {
			t.Errorf("ready: %t, and the log has %q; want a driver that is not ready, and one line", h.Ready(), lines)
		}
		hangs.Store(false)
		probe()
		if !h.Ready() {
			t.Error("not ready, want what the store says when it is back")
		}
	})
}

// TestSharedQuestion has two checks of which the first gives up: the answer counts for the second one, whenever it joins.
func TestSharedQuestion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		joins, takes time.Duration // of the second check
	}{"beside it": {0, 2 * time.Second}, "after it": {3 * time.Second / 2, time.Second / 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				h := newServer(&harness.Logs{}, func(ctx context.Context) error {
					if asked.Add(1) == 1 {
						time.Sleep(2 * time.Second)
					}
					return ctx.Err()
				})
				defer h.Drain()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				go func() { _, _ = h.Check(ctx, &healthpb.HealthCheckRequest{}) }()
				synctest.Wait()
				time.Sleep(tt.joins)
				begun := time.Now()
				answer, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{})
				if took := time.Since(begun); err != nil || answer.GetStatus() != yes || took != tt.takes || asked.Load() != 1 {
					t.Errorf("got %s, %v after %s and %d questions; want %s after %s and one", answer.GetStatus(), err, took, asked.Load(), yes, tt.takes)
				}
			})
		})
	}
}

// TestFunctionDoesNotReturn has a function that panics, or ends its goroutine: that is an error for whoever asks.
func TestFunctionDoesNotReturn(t *testing.T) {
	t.Parallel()
	for name, ready := range map[string]func(context.Context) error{
		"panic": func(context.Context) error { panic("odd") },
		"exit":  func(context.Context) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newServer(&harness.Logs{}, ready)
			defer h.Drain()
			if answer, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{}); err == nil {
				t.Errorf("Check answers %v, want an error", answer)
			}
			if answer, err := h.List(t.Context(), &healthpb.HealthListRequest{}); err == nil {
				t.Errorf("List answers %v, want an error", answer)
			}
		})
	}
}

// TestUnknownService asks for a service whose name is far too long.
func TestUnknownService(t *testing.T) {
	t.Parallel()
	h := newServer(&harness.Logs{}, nil)
	defer h.Drain()
	_, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{Service: strings.Repeat("x", 1<<20)})
	if text := status.Convert(err).Message(); status.Code(err) != codes.NotFound || !strings.HasPrefix(text, `unknown service "xxx`) || len(text) > 200 {
		t.Errorf("got %.300v, want NOT_FOUND and a part of the name", err)
	}
}

// TestWatchOfAnUnknownService keeps no more of a long name than a name may have.
func TestWatchOfAnUnknownService(t *testing.T) {
	t.Parallel()
	h := newServer(&harness.Logs{}, nil)
	for _, service := range []string{"b", strings.Repeat("x", 1<<20)} {
		ctx, leave := context.WithCancel(t.Context())
		w := &watcher{ctx: ctx, sent: make(chan healthpb.HealthCheckResponse_ServingStatus, 1), fail: func() error { return nil }}
		in := &healthpb.HealthCheckRequest{Service: service}
		ended := make(chan error, 1)
		go func() { ended <- h.Watch(in, w) }()
		if got := <-w.sent; got != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
			t.Errorf("got %s, want SERVICE_UNKNOWN", got)
		}
		leave()
		<-ended
		if len(in.GetService()) > bound.Name {
			t.Errorf("the watch keeps %d bytes of a name, want at most %d", len(in.GetService()), bound.Name)
		}
	}
	h.Drain()
}

// TestWatchOfALongName watches a service that the driver serves under a name longer than names usually are.
func TestWatchOfALongName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 2*bound.Name)
	h := health.New((&harness.Logs{}).Logger(), nil)
	h.Know(map[string]grpc.ServiceInfo{long: {}})
	w, ended := watch(t.Context(), h, long)
	if got := <-w.sent; got != yes {
		t.Errorf("the watch begins with %s, want %s", got, yes)
	}
	h.Drain()
	if err := <-ended; status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ends with %v, want UNAVAILABLE", err)
	}
}

// TestReady compares what is known of readiness with what checks answered; to ask for it asks nobody.
func TestReady(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var unready atomic.Bool
	h := newServer(&harness.Logs{}, func(context.Context) error {
		asked.Add(1)
		if unready.Load() {
			return errors.New("the store is away")
		}
		return nil
	})
	check := func(want bool) {
		if _, err := h.Check(harness.Timeout(t), &healthpb.HealthCheckRequest{}); err != nil {
			t.Error(err)
		}
		if got := h.Ready(); got != want {
			t.Errorf("ready is %t, want %t", got, want)
		}
	}
	if h.Ready() || asked.Load() != 0 {
		t.Errorf("ready is %t after %d questions, want false after none", h.Ready(), asked.Load())
	}
	check(true)
	unready.Store(true)
	check(false)
	unready.Store(false)
	check(true)
	always := newServer(&harness.Logs{}, nil)
	if !always.Ready() {
		t.Error("a driver without the function is not ready, want it to be")
	}
	for _, h := range []*health.Server{h, always} {
		if h.Drain(); h.Ready() {
			t.Error("a driver is ready during the drain, want it not to be")
		}
	}
}
