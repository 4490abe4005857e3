package gocosi_test

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
)

// soakSocket is set in the processes that the soak starts: where their driver listens.
const soakSocket = "GOCOSI_SOAK_SOCKET"

// soakSettles is how long a driver may take to come to rest when nobody calls it.
const soakSettles = 5 * time.Second

// TestSoakChild is a driver in a process of its own. It ends by SIGTERM, and fails when it leaves something behind.
func TestSoakChild(t *testing.T) {
	path := os.Getenv(soakSocket)
	if path == "" {
		t.Skip("a process of TestSoak")
	}
	signalled, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM) // kept: a late signal would end the process
	ctx, stop := context.WithCancel(signalled)
	defer stop()
	server := &soakServer{running: map[string]bool{}}
	driver, err := gocosi.New(gocosi.NewIdentity("soak.example.com"), server,
		gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://"+path), gocosi.WithDefaultRPCTimeout(soakRPCTimeout),
		gocosi.WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil))),
		gocosi.WithTracerProvider(sdktrace.NewTracerProvider()),
		gocosi.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		(&soakGauge{server: server, chain: driver.Chain()}).answer(os.Stdin, os.Stdout)
		stop() // whoever started this process is gone
	}()
	if err := driver.Run(ctx); err != nil {
		t.Fatal(err)
	}
	<-asked
}

// soakServer does what its callers ask for, and counts what it must not see.
type soakServer struct {
	mu       sync.Mutex
	running  map[string]bool // the buckets that a handler works on
	handled  int64
	overlaps int64 // handlers that began while another had the same bucket
}

// enter says that a handler of a bucket begins, and returns what says that it ends.
func (s *soakServer) enter(bucket string) (leave func()) {
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

func (s *soakServer) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	defer s.enter("name " + r.GetName())()
	return soakAct(ctx, readSoakPlan(r.GetParameters()), soakBucket(r), &cosi.DriverCreateBucketResponse{})
}

func (s *soakServer) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	defer s.enter("id " + r.GetBucketId())()
	return soakAct(ctx, readSoakPlan(r.GetDeleteContext()), &cosi.DriverDeleteBucketResponse{}, &cosi.DriverDeleteBucketResponse{})
}

func (s *soakServer) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	defer s.enter("id " + r.GetBucketId())()
	return soakAct(ctx, readSoakPlan(r.GetParameters()), soakAccess(r), &cosi.DriverGrantBucketAccessResponse{AccountId: soakSecret})
}

func (s *soakServer) DriverRevokeBucketAccess(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	defer s.enter("id " + r.GetBucketId())()
	return soakAct(ctx, readSoakPlan(r.GetRevokeAccessContext()), &cosi.DriverRevokeBucketAccessResponse{}, &cosi.DriverRevokeBucketAccessResponse{})
}

// soakLevels is what a driver's process holds. Heap is what is in use, Resident what the system gave.
type soakLevels struct {
	Goroutines, Descriptors, Locks, Calls int
	Heap, Resident                        int64
	Handled, Overlaps                     int64
}

// within says whether nothing is held that was not held at base.
func (l soakLevels) within(base soakLevels) bool {
	return l.Calls == 0 && l.Locks == 0 && l.Goroutines <= base.Goroutines && l.Descriptors <= base.Descriptors
}

// soakGauge tells the soak what its process holds.
type soakGauge struct {
	server *soakServer
	chain  gocosi.Chain
}

// answer answers questions until the input ends.
func (g *soakGauge) answer(in io.Reader, out io.Writer) {
	questions, answers := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var q soakQuestion
		if questions.Decode(&q) != nil || answers.Encode(g.reply(q)) != nil {
			return
		}
	}
}

// soakQuestion asks for the levels: now, at rest, or at rest and with the stacks.
type soakQuestion struct {
	Rest   bool
	Base   *soakLevels // what the driver has to come down to; nil: whatever it comes to
	Stacks bool
}

type soakReply struct {
	Levels soakLevels
	Stacks string
}

func (g *soakGauge) reply(q soakQuestion) soakReply {
	if q.Rest {
		g.settle(q.Base)
		runtime.GC() // twice, for pools keep what they hold for one
		debug.FreeOSMemory()
	}
	r := soakReply{Levels: g.levels()}
	if q.Stacks {
		var text strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&text, 1)
		r.Stacks = text.String()
	}
	return r
}

// settle waits until nothing is held beyond base, or nothing changes any more, but not for ever.
func (g *soakGauge) settle(base *soakLevels) {
	last, since := g.levels(), time.Now()
	for end := since.Add(soakSettles); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
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

func (g *soakGauge) levels() soakLevels {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.server.mu.Lock()
	defer g.server.mu.Unlock()
	return soakLevels{
		Goroutines: runtime.NumGoroutine(), Descriptors: descriptors(), Locks: g.chain.Locks(), Calls: g.chain.Calls(),
		Heap: int64(m.HeapAlloc), Resident: resident(), Handled: g.server.handled, Overlaps: g.server.overlaps,
	}
}

// descriptors counts the process's open files.
func descriptors() int {
	found, _ := filepath.Glob("/proc/self/fd/*")
	return len(found)
}

// resident is the memory that the system has given to the process.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * int64(os.Getpagesize())
}
