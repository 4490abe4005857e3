package cositest_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// A driver that is right in every rule passes every case that applies to it, and its store is empty afterwards.
func TestRightDriversPass(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		change  func(*driver)
		skipped []string
	}{
		{"keys", func(*driver) {}, []string{"GRANT-10"}},
		{"signatures", func(d *driver) { d.ref.azure = true }, []string{"GRANT-9", "GRANT-9 region"}},
		{"keys only", func(d *driver) { d.ref.only = cosi.AuthenticationType_Key }, []string{"GRANT-10", "GRANT-17"}},
		{"a slow store", func(d *driver) { d.ref.between = d.slowly }, []string{"GRANT-10"}},
		{"ABORTED for a bucket that is busy", func(d *driver) { d.ref.between = d.slowly; d.abortBusy() }, []string{"GRANT-10"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			tc.change(d)
			_, conn := d.serve(t)
			report := cositest.Check(t.Context(), conn, d.config())
			var skipped []string
			for _, r := range report.Results {
				switch r.Outcome {
				case cositest.Passed:
				case cositest.Skipped:
					skipped = append(skipped, r.Name)
				default:
					t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
				}
				if r.LeftOver != "" {
					t.Errorf("%s left over: %s", r.Name, r.LeftOver)
				}
			}
			if !slices.Equal(skipped, tc.skipped) {
				t.Errorf("skipped %q, want %q", skipped, tc.skipped)
			}
			if !report.OK() {
				t.Error("the report is not OK")
			}
			if left := d.ref.left(); left != "" {
				t.Error("left in the store:", left)
			}
		})
	}
}

// cuts are the cases that cut calls short.
func cuts() []string { return []string{"DELETE-4", "GEN-15", "GEN-15 grant"} }

// slowly makes the store slow between two steps while calls are cut short, so that the cut falls between the steps
// whatever the machine does.
func (d *driver) slowly(ctx context.Context) error {
	if !d.in(cuts()...) {
		return nil
	}
	return wait(ctx, slow)
}

// slow is how long a step of a slow store takes.
const slow = 50 * time.Millisecond

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
