package gocosi_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// BenchmarkCall measures a call over a Unix socket, answered by bare gRPC and by drivers. Its calls alternate between
// the servers in small batches, so that a noisy machine is noisy for all. It reports, for each driver, the time of a
// call as a ratio to bare gRPC's, and the allocations that it adds.
func BenchmarkCall(b *testing.B) {
	slogger := logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil))
	for _, c := range []struct {
		name    string
		options []gocosi.Option
	}{
		{"default", nil},
		{"log", []gocosi.Option{gocosi.WithLogger(slogger)}},
		{"no rules", []gocosi.Option{gocosi.WithoutRequestRules(), gocosi.WithoutResponseRules()}},
		{"no deadline", []gocosi.Option{gocosi.WithDefaultRPCTimeout(0)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			bare := cosi.NewProvisionerClient(dial(b, serveBare(b)))
			driver := cosi.NewProvisionerClient(start(b, &handlers{}, c.options...).conn)
			var base, with cost
			measure(b, bare, 100, &cost{}) // connections and caches
			measure(b, driver, 100, &cost{})
			const batch = 50
			for b.Loop() {
				measure(b, bare, batch, &base)
				measure(b, driver, batch, &with)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(base.perCall(base.time.Nanoseconds()), "bare-ns/call")
			b.ReportMetric(with.perCall(with.time.Nanoseconds()), "ns/call")
			b.ReportMetric(float64(with.time)/float64(base.time), "x-bare")
			b.ReportMetric(with.perCall(with.allocs)-base.perCall(base.allocs), "extra-allocs/call")
			b.ReportMetric(with.perCall(with.bytes)-base.perCall(base.bytes), "extra-B/call")
		})
	}
}

// cost is what a number of calls took, client and server together.
type cost struct {
	calls, allocs, bytes int64
	time                 time.Duration
}

func (c *cost) perCall(total int64) float64 { return float64(total) / float64(c.calls) }

func measure(b *testing.B, client cosi.ProvisionerClient, calls int, sum *cost) {
	b.Helper()
	request := &cosi.DriverCreateBucketRequest{Name: "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11"}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for range calls {
		if _, err := client.DriverCreateBucket(context.Background(), request); err != nil {
			b.Fatal(err)
		}
	}
	sum.time += time.Since(begin)
	runtime.ReadMemStats(&after)
	sum.calls += int64(calls)
	sum.allocs += int64(after.Mallocs - before.Mallocs)
	sum.bytes += int64(after.TotalAlloc - before.TotalAlloc)
}

// serveBare serves the same handlers by gRPC alone, and returns the socket's path.
func serveBare(b *testing.B) string {
	b.Helper()
	path := filepath.Join(shortDir(b), "bare.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	server := grpc.NewServer()
	cosi.RegisterIdentityServer(server, gocosi.NewIdentity("test.example.com"))
	cosi.RegisterProvisionerServer(server, &handlers{})
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(lis) }()
	b.Cleanup(func() { server.Stop(); <-done })
	return path
}
