package soak_test

import (
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/inspect"
)

// socketVariable names the variable with the socket of a driver that the soak starts.
const socketVariable = "GOCOSI_SOAK_SOCKET"

// settleLimit bounds how long a driver without calls takes to come to rest.
const settleLimit = 5 * time.Second

// TestChild runs the driver in a process of its own until SIGTERM. TestMain looks for leaks.
func TestChild(t *testing.T) {
	path := os.Getenv(socketVariable)
	if path == "" {
		t.Skip("runs only in a process that TestSoak starts")
	}
	signalled, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM) // not stopped, because a late signal would end the process
	ctx, stop := context.WithCancel(signalled)
	defer stop()
	s := &server{running: map[string]bool{}}
	driver, err := gocosi.New(gocosi.NewIdentity("soak.example.com"), s,
		gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://"+path), gocosi.WithDefaultRPCTimeout(rpcTimeout),
		gocosi.WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil))),
		gocosi.WithTracerProvider(sdktrace.NewTracerProvider()),
		gocosi.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	inspected := inspect.With(ctx, func(held inspect.Driver) {
		go func() {
			defer close(asked)
			(&gauge{server: s, held: held}).answer(os.Stdin, os.Stdout)
			stop() // the process that started this one is gone
		}()
	})
	if err := driver.Run(inspected); err != nil {
		t.Fatal(err)
	}
	<-asked
}

// server follows the plans of its callers, and counts overlapping handlers.
type server struct {
	mu       sync.Mutex
	running  map[string]bool // buckets with a running handler
	handled  int64
	overlaps int64 // handlers that began while another one had the same bucket
}

// enter records that a handler of a bucket begins, leave that it ends.
func (s *server) enter(bucket string) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handled++
	if s.running[bucket] {
		s.overlaps++
	}
	s.running[bucket] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, bucket)
	}
}

// DriverCreateBucket follows the plan in the parameters.
func (s *server) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	defer s.enter("name " + r.GetName())()
	return perform(ctx, readPlan(r.GetParameters()), createAnswer(r), &cosi.DriverCreateBucketResponse{})
}

// DriverDeleteBucket follows the plan in the context.
func (s *server) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	defer s.enter("id " + r.GetBucketId())()
	return perform(ctx, readPlan(r.GetDeleteContext()), &cosi.DriverDeleteBucketResponse{}, &cosi.DriverDeleteBucketResponse{})
}

// DriverGrantBucketAccess follows the plan in the parameters.
func (s *server) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	defer s.enter("id " + r.GetBucketId())()
	return perform(ctx, readPlan(r.GetParameters()), grantAnswer(r), &cosi.DriverGrantBucketAccessResponse{AccountId: secret})
}

// DriverRevokeBucketAccess follows the plan in the context.
func (s *server) DriverRevokeBucketAccess(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	defer s.enter("id " + r.GetBucketId())()
	return perform(ctx, readPlan(r.GetRevokeAccessContext()), &cosi.DriverRevokeBucketAccessResponse{}, &cosi.DriverRevokeBucketAccessResponse{})
}

// levels counts what a driver's process holds. Heap is the heap in use, Resident the memory from the system.
type levels struct {
	Goroutines, Descriptors, Locks, Calls int
	Heap, Resident                        int64
	Handled, Overlaps                     int64
}

// within reports whether the process holds no more than at base.
func (l levels) within(base levels) bool {
	return l.Calls == 0 && l.Locks == 0 && l.Goroutines <= base.Goroutines && l.Descriptors <= base.Descriptors
}

// gauge measures what its process holds.
type gauge struct {
	server *server
	held   inspect.Driver
}

// answer answers questions until the input ends.
func (g *gauge) answer(in io.Reader, out io.Writer) {
	questions, answers := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var q question
		if questions.Decode(&q) != nil || answers.Encode(g.reply(q)) != nil {
			return
		}
	}
}

// question asks for the levels: now, at rest, or at rest and with the stacks.
type question struct {
	Rest   bool
	Base   *levels // levels that the driver must reach; nil for any
	Stacks bool
}

// reply answers a question.
type reply struct {
	Levels levels
	Stacks string
}

func (g *gauge) reply(q question) reply {
	if q.Rest {
		g.settle(q.Base)
		runtime.GC() // twice, because pools keep their content for one collection
		debug.FreeOSMemory()
	}
	r := reply{Levels: g.levels()}
	if q.Stacks {
		var text strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&text, 1)
		r.Stacks = text.String()
	}
	return r
}

// settle waits until the process holds no more than at base or, without a base, until nothing changes. It waits at most
// for settleLimit.
func (g *gauge) settle(base *levels) {
	last, since := g.levels(), time.Now()
	for end := since.Add(settleLimit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		now := g.levels()
		if base != nil && now.within(*base) {
			return
		}
		if now.Goroutines != last.Goroutines || now.Descriptors != last.Descriptors {
			last, since = now, time.Now()
		}
		if base == nil && time.Since(since) > 200*time.Millisecond {
			return
		}
	}
}

func (g *gauge) levels() levels {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.server.mu.Lock()
	defer g.server.mu.Unlock()
	return levels{
		Goroutines: runtime.NumGoroutine(), Descriptors: descriptors(), Locks: g.held.Locks(), Calls: g.held.Calls(),
		Heap: int64(m.HeapAlloc), Resident: resident(), Handled: g.server.handled, Overlaps: g.server.overlaps,
	}
}

// descriptors counts the process's open files.
func descriptors() int {
	found, _ := filepath.Glob("/proc/self/fd/*")
	return len(found)
}

// resident returns how many bytes of memory the system has given to the process.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * int64(os.Getpagesize())
}
