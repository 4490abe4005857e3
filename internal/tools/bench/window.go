package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// sample holds the costs of one window, of the client and the server together.
type sample struct {
	Rate          float64 // calls per second
	CPU           float64 // microseconds per call
	Allocs, Bytes float64 // per call
	P50, P99      float64 // microseconds
}

// bounds ends a window after some time or after a number of calls.
type bounds struct {
	length time.Duration
	calls  int
}

// timed bounds a window by time. Its number of calls is higher than any machine makes in that time.
func timed(length time.Duration) bounds { return bounds{length, int(length / time.Microsecond)} }

// counted bounds a window by calls.
func counted(calls int) bounds { return bounds{time.Minute, calls} }

// window runs callers that call the server as fast as it answers, and fails on a wrong answer.
func window(ctx context.Context, s *server, callers int, b bounds) (sample, error) {
	all := make([]caller, callers)
	for i := range all {
		name := fmt.Sprintf("bucket-6b2f1c3e-6a1b-4c59-9e1a-%012d", i)
		all[i] = caller{
			client: s.client, request: &cosi.DriverCreateBucketRequest{Name: name},
			latencies: make([]time.Duration, 0, max(1, b.calls/callers)),
		}
	}
	runtime.GC()
	if err := settle(); err != nil {
		return sample{}, err
	}
	before, err := readCosts()
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	var calling sync.WaitGroup
	for i := range all {
		calling.Go(func() { all[i].call(ctx, began.Add(b.length)) })
	}
	calling.Wait()
	elapsed := time.Since(began)
	if err := settle(); err != nil { // a server's work after its last answer is part of its costs
		return sample{}, err
	}
	after, err := readCosts()
	if err != nil {
		return sample{}, err
	}
	return summarise(s, all, elapsed, after.since(before))
}

// caller makes one call after another, without a deadline, as the released sidecar does. It makes at least one call,
// even when the window ends before the caller starts, as on a busy machine.
type caller struct {
	client    cosi.ProvisionerClient
	request   *cosi.DriverCreateBucketRequest
	latencies []time.Duration
	err       error
}

func (c *caller) call(ctx context.Context, end time.Time) {
	for began := time.Now(); len(c.latencies) == 0 || began.Before(end) && len(c.latencies) < cap(c.latencies); {
		response, err := c.client.DriverCreateBucket(ctx, c.request)
		if c.err = answered(c.request.GetName(), response.GetBucketId(), err); c.err != nil {
			return
		}
		now := time.Now()
		c.latencies = append(c.latencies, now.Sub(began))
		began = now
	}
}

func summarise(s *server, all []caller, elapsed time.Duration, spent costs) (sample, error) {
	var latencies []float64
	for _, c := range all {
		if c.err != nil {
			return sample{}, fmt.Errorf("%s: %w", s.name, c.err)
		}
		for _, l := range c.latencies {
			latencies = append(latencies, micro(l))
		}
	}
	slices.Sort(latencies)
	calls := float64(len(latencies))
	s.calls += len(latencies)
	return sample{
		Rate: calls / elapsed.Seconds(), CPU: micro(spent.cpu) / calls,
		Allocs: float64(spent.allocs) / calls, Bytes: float64(spent.bytes) / calls,
		P50: quantile(latencies, 0.5), P99: quantile(latencies, 0.99),
	}, nil
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// costs holds what this process has used since its start.
type costs struct {
	cpu           time.Duration
	allocs, bytes uint64
}

func readCosts() (costs, error) {
	cpu, err := ownCPU()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return costs{cpu: cpu, allocs: m.Mallocs, bytes: m.TotalAlloc}, err
}

func (c costs) since(before costs) costs {
	return costs{cpu: c.cpu - before.cpu, allocs: c.allocs - before.allocs, bytes: c.bytes - before.bytes}
}

const (
	settlePoll  = 2 * time.Millisecond   // time over which settle measures whether the process is at rest
	settleLimit = 300 * time.Millisecond // longest time that settle waits
)

// settle waits until this process is at rest, so that the delayed work of a server, such as exporting spans, does not
// fall into another server's window.
func settle() error {
	for end := time.Now().Add(settleLimit); time.Now().Before(end); {
		before, err := ownCPU()
		if err != nil {
			return err
		}
		began := time.Now()
		time.Sleep(settlePoll)
		after, err := ownCPU()
		if err != nil {
			return err
		}
		if after-before < time.Since(began)/4 {
			return nil
		}
	}
	return nil
}
