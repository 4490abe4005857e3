package gocosi_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

const createMethod = "/cosi.v1alpha1.Provisioner/DriverCreateBucket"

// overlap counts how many handlers of a bucket run at once.
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
	time.Sleep(time.Microsecond) // gives another call the chance to overlap; nothing waits for it
	return &cosi.DriverCreateBucketResponse{BucketId: r.GetName()}, nil
}

func TestManyIdenticalCalls(t *testing.T) {
	t.Parallel()
	const many = 1000
	var o overlap
	d := start(t, &handlers{create: o.create})
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			if err := callMethod(timeout(t), d.conn, "DriverCreateBucket"); err != nil {
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
	chain, err := gocosi.NewChain(gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
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
			_, _ = chain.Call(ctx, createMethod, request, func(ctx context.Context, in any) (any, error) {
				if i%3 == 0 {
					panic("on purpose")
				}
				return o.create(ctx, in.(*cosi.DriverCreateBucketRequest))
			})
		})
	}
	wg.Wait()
	if o.most != 1 || chain.Locks() != 0 || chain.Calls() != 0 {
		t.Errorf("%d handlers of a bucket at once, %d locks and %d calls are left", o.most, chain.Locks(), chain.Calls())
	}
}

// stuck is a driver whose handlers of the bucket "b" wait, and the call that waits in Create.
type stuck struct {
	*serving
	log     *logs
	release func()
	first   chan error
}

// startStuck must be called within synctest.
func startStuck(t *testing.T, options ...gocosi.Option) *stuck {
	t.Helper()
	var log logs
	gate := make(chan struct{})
	create := func(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		if r.GetName() == "b" {
			<-gate
		}
		return &cosi.DriverCreateBucketResponse{BucketId: r.GetName()}, nil
	}
	s := &stuck{log: &log, release: sync.OnceFunc(func() { close(gate) }), first: make(chan error, 1)}
	t.Cleanup(s.release)
	s.serving = serve(t, &handlers{create: create}, append(options, gocosi.WithLogger(log.logger()))...)
	t.Cleanup(s.release)
	go func() { s.first <- s.create(context.Background()) }()
	synctest.Wait()
	return s
}

func TestStuckHandlerStopsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := startStuck(t)
		began := time.Now()
		client := cosi.NewProvisionerClient(d.conn)
		if _, err := client.DriverCreateBucket(t.Context(), &cosi.DriverCreateBucketRequest{Name: "other"}); err != nil {
			t.Errorf("another bucket: %v", err)
		}
		for _, method := range []string{"DriverDeleteBucket", "DriverGrantBucketAccess", "DriverRevokeBucketAccess"} {
			if err := callMethod(t.Context(), d.conn, method); err != nil {
				t.Errorf("%s of an id that equals the name: %v", method, err)
			}
		}
		lives(t, &d.running)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("they waited for %s", waited)
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
		time.Sleep(time.Millisecond) // in synctest: nothing else can happen meanwhile but what is allowed to
	}
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, &handlers{
			delete: func(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
				slow(r.GetBucketId())
				return &cosi.DriverDeleteBucketResponse{}, nil
			},
			grant: func(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
				slow(r.GetBucketId())
				return (&handlers{}).DriverGrantBucketAccess(t.Context(), r)
			},
			revoke: func(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
				slow(r.GetBucketId())
				return &cosi.DriverRevokeBucketAccessResponse{}, nil
			},
		})
		var wg sync.WaitGroup
		for _, method := range []string{"DriverDeleteBucket", "DriverGrantBucketAccess", "DriverRevokeBucketAccess", "DriverGrantBucketAccess"} {
			wg.Go(func() {
				if err := callMethod(t.Context(), d.conn, method); err != nil {
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
				err := d.create(ctx)
				if status.Code(err) != tt.code || time.Since(began) != tt.waited {
					t.Errorf("got %v after %s, want %s after %s", err, time.Since(began), tt.code, tt.waited)
				}
				synctest.Wait()
				if tt.code == codes.Aborted && !strings.Contains(err.Error(), `bucket "b" is busy: DriverCreateBucket has been working on it for 10.5s`) {
					t.Errorf("the holder and its age are not named: %v", err)
				}
				if len(d.log.lines("call failed", `"method"="DriverCreateBucket"`, fmt.Sprintf(`"duration"=%q`, tt.waited))) != 1 {
					t.Errorf("want one line for the call that waited: %q", d.log.lines("call failed"))
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
		d := serve(t, &handlers{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			<-gate
			end, _ := ctx.Deadline()
			left.Store(int64(time.Until(end)))
			return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
		}}, gocosi.WithDefaultRPCTimeout(10*time.Second))
		answers := make(chan error, 2)
		for range 2 {
			go func() { answers <- d.create(context.Background()) }()
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
		if err := d.create(t.Context()); status.Code(err) != codes.Aborted {
			t.Errorf("got %v, want ABORTED", err)
		}
		d.release()
		if err := <-d.first; err != nil {
			t.Errorf("the late answer: %v", err)
		}
		if err := d.create(t.Context()); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}

func TestWithoutLimitACallWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := startStuck(t, gocosi.WithDefaultRPCTimeout(0))
		second := make(chan error, 1)
		go func() { second <- d.create(context.Background()) }()
		time.Sleep(24 * time.Hour)
		select {
		case err := <-second:
			t.Errorf("it did not wait: %v", err)
		default:
		}
		if found := d.log.lines("past its deadline"); len(found) > 0 {
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
		both := make(chan struct{})
		d := serve(t, &handlers{create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			if entered.Add(1) == 2 {
				close(both)
			}
			<-both
			return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
		}}, gocosi.WithoutSerialization())
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := d.create(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
