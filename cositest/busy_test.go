package cositest_test

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// cuts are the cases that cut calls short.
func cuts() []string {
	return []string{"DELETE-4", "GEN-15", "GEN-15 delete", "GEN-15 grant", "GEN-15 revoke"}
}

// slowly makes the store slow between two steps while calls are cut short, so that the cut falls between the steps
// whatever the machine does.
func (d *driver) slowly(ctx context.Context) error {
	if !d.in(cuts()...) {
		return nil
	}
	return wait(ctx, slow)
}

// slow is how long a step of a slow store takes.
const slow = 100 * time.Millisecond

// abortBusy answers ABORTED to a call for a bucket that another call works on.
func (d *driver) abortBusy() {
	var mu sync.Mutex
	busy := map[string]bool{}
	enter := func(key string) error {
		mu.Lock()
		defer mu.Unlock()
		if busy[key] {
			return status.Error(codes.Aborted, "another call works on the bucket")
		}
		busy[key] = true
		return nil
	}
	leave := func(key string) {
		mu.Lock()
		defer mu.Unlock()
		delete(busy, key)
	}
	create, grant := d.create, d.grant
	d.create = func(ctx context.Context, r *createQ) (*createR, error) {
		if err := enter(r.GetName()); err != nil {
			return nil, err
		}
		defer leave(r.GetName())
		return create(ctx, r)
	}
	d.grant = func(ctx context.Context, r *grantQ) (*grantR, error) {
		if err := enter(r.GetBucketId()); err != nil {
			return nil, err
		}
		defer leave(r.GetBucketId())
		return grant(ctx, r)
	}
}
