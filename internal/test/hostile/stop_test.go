package hostile_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// deafFor is how long a handler goes on that hears nothing.
const deafFor = time.Hour

// soon is what a stop may take when no call needs longer: a driver waits half a second for callers.
const soon = time.Second

// TestCallersDoNotHoldUpAStop leaves a driver with what its callers owe it, and stops it.
func TestCallersDoNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	const create = "/cosi.v1alpha1.Provisioner/DriverCreateBucket"
	open := func(method string) func(*testing.T, *harness.Running) grpc.ClientStream {
		return func(t *testing.T, d *harness.Running) grpc.ClientStream {
			s, err := d.Conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	idle := (&harness.Echo{Stream: func(s grpc.ServerStream) error { return s.RecvMsg(&emptypb.Empty{}) }}).Register
	deaf := (&harness.Echo{Stream: func(grpc.ServerStream) error { time.Sleep(deafFor); return nil }}).Register
	for name, tt := range map[string]struct {
		options []gocosi.Option
		open    func(*testing.T, *harness.Running) grpc.ClientStream
		logged  string // the name in the line; "": there is none
		failed  bool   // the line is an error
		left    bool   // the handler is left behind
	}{
		"half-sent call":           {nil, open(create), "DriverCreateBucket", true, false},
		"half-sent call of health": {nil, open("/grpc.health.v1.Health/Check"), "grpc.health.v1.Health/Check", true, false},
		"half-sent call, interceptor": {
			[]gocosi.Option{gocosi.WithServerOptions(grpc.UnaryInterceptor(passOn))}, open(create), "DriverCreateBucket", true, false,
		},
		"half-sent watch":      {nil, open("/grpc.health.v1.Health/Watch"), "grpc.health.v1.Health/Watch", false, false},
		"idle stream":          {[]gocosi.Option{gocosi.WithServices(idle)}, open("/test.Echo/Stream"), "test.Echo/Stream", false, false},
		"stream, handler deaf": {[]gocosi.Option{gocosi.WithServices(deaf)}, open("/test.Echo/Stream"), "", false, true},
		"reflection": {
			[]gocosi.Option{gocosi.WithReflection()},
			open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
			"grpc.reflection.v1.ServerReflection/ServerReflectionInfo", false, false,
		},
		"not served": {nil, open("/no.such.Service/Method"), "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log harness.Logs
				d := harness.Serve(t, &harness.Handlers{}, append(tt.options, gocosi.WithLogger(log.Logger()))...)
				s := tt.open(t, d)
				synctest.Wait()
				time.Sleep(time.Minute)

				begun := time.Now()
				if err := d.Wait(t); err != nil {
					t.Errorf("Serve: %v", err)
				}
				took := time.Since(begun)
				t.Logf("the stop took %s", took)
				if took > 2*soon {
					t.Errorf("want at most %s", 2*soon)
				}
				if err := s.RecvMsg(&emptypb.Empty{}); status.Code(err) != codes.Unavailable && tt.logged != "" {
					t.Errorf("the caller got %v, want UNAVAILABLE", err)
				}
				if found := log.Lines("are abandoned", "test.Echo/Stream"); len(found) == 1 != tt.left {
					t.Errorf("the log says %q of handlers that are left behind, want a line: %t", found, tt.left)
				}
				time.Sleep(deafFor) // for the last handler
				if tt.logged == "" {
					return
				}
				lines := log.Lines(fmt.Sprintf(`"method"=%q`, tt.logged), `"code"="Unavailable"`)
				if len(lines) != 1 || strings.Contains(lines[0], `"msg"="call failed"`) != tt.failed {
					t.Errorf("got the lines %q, want one, an error: %t", lines, tt.failed)
				}
			})
		})
	}
}

func passOn(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return handler(ctx, request)
}

// TestManyWaitingCallsAtAStop stops a driver while very many calls wait for one bucket.
func TestManyWaitingCallsAtAStop(t *testing.T) {
	t.Parallel()
	const shutdown = time.Second
	calls := 10_000
	if raced.On {
		calls = 1000
	}
	var log tape
	release, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d := harness.Start(t, &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		once.Do(func() { close(held) })
		<-release
		return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
	}}, gocosi.WithDefaultShutdownTimeout(shutdown), gocosi.WithLogger(log.logger()))
	defer close(release)
	before := heap()
	var answered sync.WaitGroup
	codesOf := sync.Map{}
	name := strings.Repeat("b", 128)
	for range calls {
		answered.Go(func() {
			err := create(harness.Timeout(t), d.Conn, name)
			n, _ := codesOf.LoadOrStore(status.Code(err), &atomic.Int64{})
			n.(*atomic.Int64).Add(1)
		})
	}
	<-held
	harness.Eventually(t, func() bool { return d.Holds.Calls() == calls }, "not all calls have come")
	waiting := heap() - before
	begun := time.Now()
	err := d.Wait(t)
	took := time.Since(begun)
	answered.Wait()
	unavailable, _ := codesOf.Load(codes.Unavailable)
	if unavailable == nil || unavailable.(*atomic.Int64).Load() != int64(calls) {
		t.Errorf("not all calls were answered UNAVAILABLE")
	}
	if err == nil {
		t.Fatal("Run returned nil, want an error")
	}
	t.Logf("%d bytes: %.600s", len(err.Error()), err)
	t.Logf("the end took %s; %d bytes of heap for a call that waits, with its client's part; the last line: %.400s", took, waiting/int64(calls), log.last())
	if len(err.Error()) > mostOfCall {
		t.Errorf("the error has %d bytes, want at most %d", len(err.Error()), mostOfCall)
	}
	for _, word := range []string{fmt.Sprintf("%d calls", calls), "DriverCreateBucket bbb", fmt.Sprintf("%d more", calls-bound.List)} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error lacks %q", word)
		}
	}
	if most := shutdown + 7*time.Second; took > most {
		t.Errorf("want at most %s", most)
	}
	for _, line := range log.take() {
		if len(line) > mostOfCall {
			t.Errorf("a line has %d bytes, want at most %d: %.300s", len(line), mostOfCall, line)
		}
	}
}

// last returns the last line.
func (l *tape) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[len(l.lines)-1]
}

// TestCheckBesideWatchers asks for health while very many watch it.
func TestCheckBesideWatchers(t *testing.T) {
	t.Parallel()
	const watchers, slow = 200, 100 * time.Millisecond
	for _, leaves := range []bool{true, false} {
		t.Run(fmt.Sprintf("clients leave %t", leaves), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log harness.Logs
				var asked atomic.Int64
				d := harness.Serve(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithReady(func(context.Context) error {
					asked.Add(1)
					time.Sleep(slow)
					return nil
				}))
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				client := healthpb.NewHealthClient(d.Conn)
				for range watchers {
					w, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
					if err != nil {
						t.Fatal(err)
					}
					go func() {
						for err := error(nil); err == nil; {
							_, err = w.Recv()
						}
					}()
				}
				var slowest time.Duration
				const checks = 20
				for range checks {
					begun := time.Now()
					if got, err := d.Health(t, ""); err != nil || got != healthpb.HealthCheckResponse_SERVING {
						t.Errorf("got %s, %v", got, err)
					}
					slowest = max(slowest, time.Since(begun))
				}
				t.Logf("beside %d watchers the slowest check took %s; readiness was asked %d times", watchers, slowest, asked.Load())
				if slowest > time.Second || asked.Load() > 2*checks {
					t.Errorf("want less than a second, and at most %d questions", 2*checks)
				}
				if leaves {
					leave()
					synctest.Wait()
				}
				if err := d.Wait(t); err != nil {
					t.Error(err)
				}
				if ended := log.Lines("Health/Watch"); len(ended) != watchers {
					t.Errorf("%d lines about watches, want one for each", len(ended))
				}
				if failed := log.Lines("Health/Watch", "call failed"); len(failed) > 0 {
					t.Errorf("%d watches ended with an error, such as %s", len(failed), failed[0])
				}
			})
		})
	}
}
