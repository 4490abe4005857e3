package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

func TestDeadlineOfACall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env    string
		option time.Duration // 0 for none
		caller time.Duration // 0: none
		want   time.Duration // 0: none
	}{
		"default":                     {want: 2 * time.Minute},
		"the author's":                {option: time.Minute, want: time.Minute},
		"the operator's":              {option: time.Minute, env: "7s", want: 7 * time.Second},
		"none":                        {option: time.Minute, env: "0"},
		"the caller's, shorter":       {caller: time.Second, want: time.Second},
		"the caller's, longer":        {caller: time.Hour, want: time.Hour},
		"the caller's, without limit": {env: "0", caller: time.Second, want: time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int64
				options := []gocosi.Option{harness.Env(map[string]string{gocosi.EnvCOSIRPCTimeout: tt.env})}
				if tt.option > 0 {
					options = append(options, gocosi.WithDefaultRPCTimeout(tt.option))
				}
				d := harness.Serve(t, &harness.Handlers{Create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					if end, ok := ctx.Deadline(); ok {
						left.Store(int64(time.Until(end)))
					}
					return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
				}}, options...)
				ctx := t.Context()
				if tt.caller > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.caller)
					defer cancel()
				}
				if err := d.Create(ctx); err != nil {
					t.Fatal(err)
				}
				if got := time.Duration(left.Load()); got != tt.want {
					t.Errorf("the handler had %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestDeadlineIsMet(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error // nil for the context's error
		code codes.Code
	}{
		"context's error":   {nil, codes.DeadlineExceeded},
		"bare error":        {errors.New("gave up"), codes.DeadlineExceeded},
		"status of his own": {status.Error(codes.Unavailable, "gave up"), codes.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log harness.Logs
				d := harness.Serve(t, &harness.Handlers{Create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					<-ctx.Done()
					if tt.err != nil {
						return nil, tt.err
					}
					return nil, ctx.Err()
				}}, gocosi.WithLogger(log.Logger()))
				if err := d.Create(t.Context()); status.Code(err) != tt.code {
					t.Errorf("got %v, want %s", err, tt.code)
				}
				line := log.OneLine(t, "DriverCreateBucket")
				if !strings.Contains(line, `"limit"="X_COSI_RPC_TIMEOUT"`) || !strings.Contains(line, `"duration"="2m0s"`) {
					t.Errorf("want the variable in the line %s", line)
				}
			})
		})
	}
}

func TestOverdueHandler(t *testing.T) {
	t.Parallel()
	const overdue = "handler is past its deadline"
	tests := map[string]struct {
		env, limit string
		caller     time.Duration
	}{
		"the driver's deadline": {env: "10s", limit: "X_COSI_RPC_TIMEOUT"},
		"the caller's deadline": {env: "1h", limit: "the caller's", caller: 10 * time.Second},
		"only the caller's":     {env: "0", limit: "the caller's", caller: 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log harness.Logs
				release, answered := make(chan struct{}), make(chan error, 1)
				d := harness.Serve(t, &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					<-release
					return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
				}}, gocosi.WithLogger(log.Logger()), harness.Env(map[string]string{gocosi.EnvCOSIRPCTimeout: tt.env}))
				ctx, cancel := context.WithCancel(t.Context())
				if tt.caller > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.caller)
				}
				defer cancel()
				go func() { answered <- d.Create(ctx) }()
				time.Sleep(9 * time.Second)
				if found := log.Lines(overdue); len(found) > 0 {
					t.Errorf("got the lines %q before the deadline, want none", found)
				}
				time.Sleep(time.Minute)
				want := []string{overdue, `"level"=0`, `"method"="DriverCreateBucket"`, `"bucket"="b"`, `"age"="1`, fmt.Sprintf(`"limit"=%q`, tt.limit)}
				if found := log.Lines(overdue); len(found) != 1 || len(log.Lines(want...)) != 1 {
					t.Errorf("want one line with %q: %q", want, found)
				}
				close(release)
				if err := <-answered; (err != nil) != (tt.caller > 0) {
					t.Errorf("the call ended with %v", err)
				}
				synctest.Wait()
				if line := log.OneLine(t, "DriverCreateBucket"); !strings.Contains(line, `"code"="OK"`) {
					t.Errorf("want a late and successful handler in the line %s", line)
				}
			})
		})
	}
}

// broken lists requests that the specification does not allow, by the rule that they break.
func brokenRequests() map[string]func(context.Context, grpc.ClientConnInterface) error {
	create := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverCreateBucketRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverCreateBucket(ctx, r)
		return err
	}
	remove := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverDeleteBucketRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverDeleteBucket(ctx, r)
		return err
	}
	grant := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverGrantBucketAccessRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverGrantBucketAccess(ctx, r)
		return err
	}
	revoke := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverRevokeBucketAccessRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverRevokeBucketAccess(ctx, r)
		return err
	}
	type ctx = context.Context
	type conn = grpc.ClientConnInterface
	return map[string]func(ctx, conn) error{
		"CREATE-2": func(x ctx, c conn) error { return create(x, c, &cosi.DriverCreateBucketRequest{}) },
		"DELETE-1": func(x ctx, c conn) error { return remove(x, c, &cosi.DriverDeleteBucketRequest{}) },
		"GRANT-1":  func(x ctx, c conn) error { return grant(x, c, &cosi.DriverGrantBucketAccessRequest{Name: "n"}) },
		"GRANT-2":  func(x ctx, c conn) error { return grant(x, c, &cosi.DriverGrantBucketAccessRequest{BucketId: "b"}) },
		"GRANT-3": func(x ctx, c conn) error {
			return grant(x, c, &cosi.DriverGrantBucketAccessRequest{BucketId: "b", Name: "n"})
		},
		"REVOKE-1": func(x ctx, c conn) error { return revoke(x, c, &cosi.DriverRevokeBucketAccessRequest{AccountId: "a"}) },
		"REVOKE-2": func(x ctx, c conn) error { return revoke(x, c, &cosi.DriverRevokeBucketAccessRequest{BucketId: "b"}) },
		"GEN-9": func(x ctx, c conn) error {
			return create(x, c, &cosi.DriverCreateBucketRequest{Name: strings.Repeat("n", 129)})
		},
	}
}

func TestRequestsThatBreakARule(t *testing.T) {
	t.Parallel()
	for rule, call := range brokenRequests() {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			err := call(harness.Timeout(t), harness.Start(t, &harness.Handlers{}).Conn)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(status.Convert(err).Message(), "("+rule+")") {
				t.Errorf("refused by %v; want INVALID_ARGUMENT that names the rule", err)
			}
		})
	}
}

// TestRequestThatCannotBeRead checks that what is wrong with a message is told, not what is wrong with an empty one.
func TestRequestThatCannotBeRead(t *testing.T) {
	t.Parallel()
	serve := harness.Chain(t).Method(harness.CreateMethod, nil)
	malformed := func(any) error { return status.Error(codes.Unimplemented, "malformed") }
	if _, err := serve(nil, t.Context(), malformed, nil); status.Code(err) != codes.Unimplemented || status.Convert(err).Message() != "malformed" {
		t.Errorf("got %v, want the error of the message", err)
	}
}

// With the request rules off, the handlers get the requests. The operator can turn the rules on again.
func TestRequestRulesAreSwitched(t *testing.T) {
	t.Parallel()
	off := map[string]string{gocosi.EnvCOSIRequestRules: "false"}
	on := map[string]string{gocosi.EnvCOSIRequestRules: "true"}
	for name, tt := range map[string]struct {
		options []gocosi.Option
		checked bool
	}{
		"by option":                 {[]gocosi.Option{gocosi.WithoutRequestRules()}, false},
		"by variable":               {[]gocosi.Option{harness.Env(off)}, false},
		"by option, back by both":   {[]gocosi.Option{gocosi.WithoutRequestRules(), harness.Env(on)}, true},
		"the other rules make none": {[]gocosi.Option{gocosi.WithoutResponseRules()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, &harness.Handlers{}, tt.options...)
			for _, rule := range []string{"DELETE-1", "REVOKE-2"} {
				if err := brokenRequests()[rule](harness.Timeout(t), d.Conn); (err != nil) != tt.checked {
					t.Errorf("%s: %v", rule, err)
				}
			}
		})
	}
}

// overlap counts the handlers of a bucket that run at once.
type overlap struct {
	mu      sync.Mutex
	running map[string]int
	most    int
	calls   int
}

func (o *overlap) enter(bucket string) (leave func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running == nil {
		o.running = map[string]int{}
	}
	o.calls++
	o.running[bucket]++
	o.most = max(o.most, o.running[bucket])
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.running[bucket]--
	}
}

func (o *overlap) create(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	defer o.enter(r.GetName())()
	time.Sleep(time.Microsecond) // gives another call the chance to overlap
	return &cosi.DriverCreateBucketResponse{BucketId: r.GetName()}, nil
}

func TestManyIdenticalCalls(t *testing.T) {
	t.Parallel()
	const many = 1000
	var o overlap
	d := harness.Start(t, &harness.Handlers{Create: o.create})
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			if err := harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if o.most != 1 || o.calls != many {
		t.Errorf("%d handlers ran, %d at once; want %d, one at a time", o.calls, o.most, many)
	}
}

func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		chain := harness.Chain(t)
		var o overlap
		var wg sync.WaitGroup
		for i := range 1000 {
			request := &cosi.DriverCreateBucketRequest{Name: fmt.Sprint("b", i%7)}
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%5 == 0 {
					cancel()
				}
				_, _ = chain.Call(ctx, harness.CreateMethod, request, func(ctx context.Context, in any) (any, error) {
					if i%3 == 0 {
						panic("on purpose")
					}
					return o.create(ctx, in.(*cosi.DriverCreateBucketRequest))
				})
			})
		}
		wg.Wait()
		synctest.Wait() // a call is forgotten after its answer
		if o.most != 1 || chain.Locks() != 0 || chain.Calls() != 0 {
			t.Errorf("%d handlers of a bucket at once, %d locks and %d calls are left, want 1, 0 and 0", o.most, chain.Locks(), chain.Calls())
		}
	})
}

// stuck holds a driver whose handlers of the bucket "b" wait, and the call that waits in Create.
type stuck struct {
	*harness.Running
	log     *harness.Logs
	release func()
	first   chan error
}

// startStuck starts the driver and the call. It needs synctest.
func startStuck(t *testing.T, options ...gocosi.Option) *stuck {
	t.Helper()
	var log harness.Logs
	gate := make(chan struct{})
	create := func(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		if r.GetName() == "b" {
			<-gate
		}
		return &cosi.DriverCreateBucketResponse{BucketId: r.GetName()}, nil
	}
	s := &stuck{log: &log, release: sync.OnceFunc(func() { close(gate) }), first: make(chan error, 1)}
	t.Cleanup(s.release)
	s.Running = harness.Serve(t, &harness.Handlers{Create: create}, append(options, gocosi.WithLogger(log.Logger()))...)
	t.Cleanup(s.release)
	go func() { s.first <- s.Create(context.Background()) }()
	synctest.Wait()
	return s
}

func TestStuckHandlerStopsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := startStuck(t)
		began := time.Now()
		client := cosi.NewProvisionerClient(d.Conn)
		if _, err := client.DriverCreateBucket(t.Context(), &cosi.DriverCreateBucketRequest{Name: "other"}); err != nil {
			t.Errorf("another bucket: %v", err)
		}
		for _, method := range []string{"DriverDeleteBucket", "DriverGrantBucketAccess", "DriverRevokeBucketAccess"} {
			if err := harness.CallMethod(t.Context(), d.Conn, method); err != nil {
				t.Errorf("%s of an id that equals the name: %v", method, err)
			}
		}
		d.Lives(t)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("they waited for %s, want no wait", waited)
		}
		d.release()
		if err := <-d.first; err != nil {
			t.Error(err)
		}
	})
}

func TestCallsOfAnIDTakeTurns(t *testing.T) {
	t.Parallel()
	var o overlap
	slow := func(id string) {
		defer o.enter(id)()
		time.Sleep(time.Millisecond) // lets everything happen in synctest that can happen now
	}
	synctest.Test(t, func(t *testing.T) {
		d := harness.Serve(t, &harness.Handlers{
			Delete: func(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
				slow(r.GetBucketId())
				return &cosi.DriverDeleteBucketResponse{}, nil
			},
			Grant: func(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
				slow(r.GetBucketId())
				return (&harness.Handlers{}).DriverGrantBucketAccess(t.Context(), r)
			},
			Revoke: func(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
				slow(r.GetBucketId())
				return &cosi.DriverRevokeBucketAccessResponse{}, nil
			},
		})
		var wg sync.WaitGroup
		for _, method := range []string{"DriverDeleteBucket", "DriverGrantBucketAccess", "DriverRevokeBucketAccess", "DriverGrantBucketAccess"} {
			wg.Go(func() {
				if err := harness.CallMethod(t.Context(), d.Conn, method); err != nil {
					t.Errorf("%s: %v", method, err)
				}
			})
		}
		wg.Wait()
	})
	if o.most != 1 || o.calls != 4 {
		t.Errorf("%d handlers ran, %d at once; want 4, one at a time", o.calls, o.most)
	}
}

func TestWaitingCall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		code   codes.Code
		waited time.Duration
	}{
		"is cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, codes.Canceled, time.Second},
		"has a deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 2*time.Second)
		}, codes.DeadlineExceeded, 2 * time.Second},
		"has patience": {context.WithCancel, codes.Aborted, 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := startStuck(t, gocosi.WithDefaultRPCTimeout(10*time.Second))
				time.Sleep(500 * time.Millisecond)
				began := time.Now()
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				err := d.Create(ctx)
				if status.Code(err) != tt.code || time.Since(began) != tt.waited {
					t.Errorf("got %v after %s, want %s after %s", err, time.Since(began), tt.code, tt.waited)
				}
				synctest.Wait()
				if tt.code == codes.Aborted && !strings.Contains(err.Error(), `bucket "b" is busy: DriverCreateBucket has been working on it for 10.5s`) {
					t.Errorf("got %v, want the holder and its age", err)
				}
				if len(d.log.Lines("call failed", `"method"="DriverCreateBucket"`, fmt.Sprintf(`"duration"=%q`, tt.waited))) != 1 {
					t.Errorf("want one line for the call that waited: %q", d.log.Lines("call failed"))
				}
			})
		})
	}
}

func TestDeadlineStartsAfterTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var left atomic.Int64
		d := harness.Serve(t, &harness.Handlers{Create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			<-gate
			end, _ := ctx.Deadline()
			left.Store(int64(time.Until(end)))
			return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
		}}, gocosi.WithDefaultRPCTimeout(10*time.Second))
		answers := make(chan error, 2)
		for range 2 {
			go func() { answers <- d.Create(context.Background()) }()
			synctest.Wait()
		}
		time.Sleep(9 * time.Second)
		close(gate)
		for range 2 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if got := time.Duration(left.Load()); got != 10*time.Second {
			t.Errorf("the second handler had %s left, want all of 10s", got)
		}
	})
}

func TestOverdueHandlerKeepsItsBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := startStuck(t, gocosi.WithDefaultRPCTimeout(10*time.Second))
		time.Sleep(time.Minute)
		if err := d.Create(t.Context()); status.Code(err) != codes.Aborted {
			t.Errorf("got %v, want ABORTED", err)
		}
		d.release()
		if err := <-d.first; err != nil {
			t.Errorf("the late answer: %v", err)
		}
		if err := d.Create(t.Context()); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}

func TestWithoutLimitACallWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := startStuck(t, gocosi.WithDefaultRPCTimeout(0))
		second := make(chan error, 1)
		go func() { second <- d.Create(context.Background()) }()
		time.Sleep(24 * time.Hour)
		select {
		case err := <-second:
			t.Errorf("the call returns %v, want it to wait", err)
		default:
		}
		if found := d.log.Lines("past its deadline"); len(found) > 0 {
			t.Errorf("there is none: %q", found)
		}
		d.release()
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

func TestWithoutSerialization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var entered atomic.Int32
		together := make(chan struct{})
		d := harness.Serve(t, &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			if entered.Add(1) == 2 {
				close(together)
			}
			<-together
			return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
		}}, gocosi.WithoutSerialization())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := d.Create(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
