package hostile_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// mostKept limits how many bytes of heap may grow by calls that are over.
const mostKept = 1 << 20

// heap returns the bytes of the heap that are in use. Pools are emptied by the second collection.
func heap() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// crowd makes calls with the numbers from and below to, several at once.
func crowd(t *testing.T, from, to int, call func(ctx context.Context, i int)) {
	t.Helper()
	numbers := make(chan int)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for i := range numbers {
				ctx, cancel := context.WithTimeout(context.Background(), harness.Limit)
				call(ctx, i)
				cancel()
			}
		})
	}
	for i := from; i < to; i++ {
		numbers <- i
	}
	close(numbers)
	group.Wait()
}

// growth returns by how many bytes the heap has grown when the calls are over. It makes other calls first, for what gRPC
// keeps once.
func growth(t *testing.T, calls int, d *harness.Running, call func(ctx context.Context, i int)) int64 {
	t.Helper()
	crowd(t, 0, 100, func(context.Context, int) { d.Lives(t) })
	idle := func() bool { return d.Holds.Calls() == 0 && d.Holds.Locks() == 0 }
	harness.Eventually(t, idle, "calls are left")
	before := heap()
	crowd(t, 0, calls, call)
	harness.Eventually(t, idle, "calls are left")
	grown := heap() - before
	t.Logf("%d calls: %d bytes of heap more than before", calls, grown)
	return grown
}

// series describes every series that a reader collects.
func series(t *testing.T, reader metric.Reader) []string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					found = append(found, m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder()))
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					found = append(found, m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder()))
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					found = append(found, m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder()))
				}
			default:
				t.Errorf("%s has %T, want a kind that the test knows", m.Name, m.Data)
			}
		}
	}
	return found
}

// TestCallsLeaveNothing checks that calls that are over, however many different ones, neither grow the heap nor make
// series of metrics. It is not parallel: other tests would change the heap.
func TestCallsLeaveNothing(t *testing.T) {
	if raced.On {
		t.Skip("the race detector's memory would be measured")
	}
	filler := strings.Repeat("x", 60<<10)
	name := func(i, most int) string { return fmt.Sprintf("n%d%s", i, filler[:i*977%most]) }
	for _, tt := range []struct {
		name  string
		calls int
		code  codes.Code
		call  func(ctx context.Context, conn *grpc.ClientConn, i int) error
	}{
		{"methods that are not served", 2000, codes.Unimplemented, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			return conn.Invoke(ctx, "/no.such.Service/"+name(i, len(filler)), &emptypb.Empty{}, &emptypb.Empty{})
		}},
		{"methods that our services lack", 2000, codes.Unimplemented, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			return conn.Invoke(ctx, "/cosi.v1alpha1.Provisioner/"+name(i, len(filler)), &emptypb.Empty{}, &emptypb.Empty{})
		}},
		{"headers", 10_000, codes.OK, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			ctx = metadata.AppendToOutgoingContext(ctx, fmt.Sprintf("key-%d", i), filler[:32<<10])
			_, err := cosi.NewIdentityClient(conn).DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
			return err
		}},
		{"baggage and traces", 2000, codes.OK, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			ctx = metadata.AppendToOutgoingContext(ctx, "baggage", fmt.Sprintf("k%d=%s", i, filler[:8000]),
				"traceparent", fmt.Sprintf("00-%032x-00f067aa0ba902b7-01", i+1), "tracestate", fmt.Sprintf("v%d=1", i))
			_, err := cosi.NewIdentityClient(conn).DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
			return err
		}},
		{"buckets that rules refuse", 500, codes.InvalidArgument, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			return create(ctx, conn, name(i, len(filler))+filler)
		}},
		{"buckets", 5000, codes.OK, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			return create(ctx, conn, name(i, 100))
		}},
		{"health of unknown services", 500, codes.NotFound, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: name(i, 100) + strings.Repeat(filler, 16)})
			return err
		}},
		{"watches of unknown services", 500, codes.OK, func(ctx context.Context, conn *grpc.ClientConn, i int) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			w, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{Service: name(i, 100) + strings.Repeat(filler, 16)})
			if err == nil {
				_, err = w.Recv()
			}
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reader := metric.NewManualReader()
			provider := metric.NewMeterProvider(metric.WithReader(reader))
			var log tape
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.logger()), gocosi.WithMeterProvider(provider))
			begun := len(series(t, reader)) // counters are there from the start
			grown := growth(t, tt.calls, d, func(ctx context.Context, i int) {
				if err := tt.call(ctx, d.Conn, i); status.Code(err) != tt.code {
					t.Errorf("call %d: got %.300v, want %s", i, err, tt.code)
				}
				log.take()
			})
			if grown > mostKept {
				t.Errorf("want at most %d bytes", mostKept)
			}
			found := series(t, reader)
			size := len(strings.Join(found, ""))
			t.Logf("%d series, %d at the start, %d bytes of names", len(found), begun, size)
			if len(found) > begun+20 || size > 20<<10 {
				t.Errorf("%d series with %d bytes of names, want none for each call", len(found), size)
			}
		})
	}
}

func create(ctx context.Context, conn *grpc.ClientConn, name string) error {
	_, err := cosi.NewProvisionerClient(conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name})
	return err
}

// TestWatchersAreLimited opens one watch more than there may be.
func TestWatchersAreLimited(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, &harness.Handlers{})
	watch := func() (context.CancelFunc, error) {
		ctx, leave := context.WithCancel(harness.Timeout(t))
		w, err := healthpb.NewHealthClient(d.Conn).Watch(ctx, &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = w.Recv()
		}
		return leave, err
	}
	var leave context.CancelFunc
	for range bound.Watches {
		var err error
		if leave, err = watch(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := watch(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want RESOURCE_EXHAUSTED", err)
	}
	leave()
	harness.Eventually(t, func() bool { _, err := watch(); return err == nil }, "nobody may watch when one has left")
	d.Lives(t)
}

// TestWatchersHoldNoNames checks that a watcher costs the same, whatever it asks for.
func TestWatchersHoldNoNames(t *testing.T) {
	if raced.On {
		t.Skip("the race detector's memory would be measured")
	}
	const watchers, long = 100, 1 << 20
	d := harness.Start(t, &harness.Handlers{})
	var watches []healthpb.Health_WatchClient
	before := heap()
	for i := range watchers {
		func() {
			in := &healthpb.HealthCheckRequest{Service: fmt.Sprint(i) + strings.Repeat("x", long)}
			w, err := healthpb.NewHealthClient(d.Conn).Watch(harness.Timeout(t), in)
			if err != nil {
				t.Fatal(err)
			}
			if update, err := w.Recv(); err != nil || update.GetStatus() != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
				t.Fatalf("got %s, %v", update.GetStatus(), err)
			}
			watches = append(watches, w)
		}()
	}
	grown := heap() - before
	t.Logf("%d watchers: %d bytes each", len(watches), grown/watchers)
	if grown/watchers > 128<<10 {
		t.Errorf("a watcher holds %d bytes, want at most 128 KiB", grown/watchers)
	}
}
