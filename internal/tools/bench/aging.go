package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// aging holds the same comparison before and after a driver has seen many names.
type aging struct {
	Names         int
	before, after comparison
	Heap          float64 // growth of the heap in bytes
}

// agingCallers is a medium number of callers, high enough for calls to run at the same time.
const agingCallers = 16

// age compares a new driver with bare gRPC, shows it every name once, and compares them again.
func age(ctx context.Context, dir string, e effort) (a aging, err error) {
	reference, err := startBare(ctx, dir, "young-bare", func(context.Context) error { return nil })
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, reference.stop()) }()
	driver, err := startDriver(ctx, dir, "ageing")
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, driver.stop()) }()

	a.Names = e.names
	if a.before, err = compare(ctx, reference, driver, agingCallers, e); err != nil {
		return a, err
	}
	heap := heapInUse()
	if err = show(ctx, driver.client, e.names); err != nil {
		return a, err
	}
	a.Heap = heapInUse() - heap
	a.after, err = compare(ctx, reference, driver, agingCallers, e)
	return a, err
}

// show makes one call for each name. In turn, a call creates a bucket or grants access to a new bucket.
func show(ctx context.Context, client cosi.ProvisionerClient, names int) error {
	var next atomic.Int64
	failures := make([]error, agingCallers)
	var showing sync.WaitGroup
	for i := range failures {
		showing.Go(func() {
			for n := int(next.Add(1)); n <= names && failures[i] == nil; n = int(next.Add(1)) {
				failures[i] = showOne(ctx, client, n)
			}
		})
	}
	showing.Wait()
	return errors.Join(failures...)
}

func showOne(ctx context.Context, client cosi.ProvisionerClient, n int) error {
	name := fmt.Sprintf("bucket-%029d", n)
	if n%2 == 0 {
		created, err := client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name})
		return answered(name, created.GetBucketId(), err)
	}
	granted, err := client.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
		BucketId: name, Name: name, AuthenticationType: cosi.AuthenticationType_Key,
	})
	return answered(name, granted.GetAccountId(), err)
}

// answered checks the answer to a call about a name.
func answered(name, got string, err error) error {
	if err == nil && got != name {
		err = fmt.Errorf("answered %q", got)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func heapInUse() float64 {
	runtime.GC()
	runtime.GC() // the first run leaves what finalizers and pools still hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
