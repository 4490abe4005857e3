//go:build unix

package driver_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi"
)

// A process that wakes when its call's deadline has passed sends nothing more, though the answer that it waits for is there: a lease
// of the released sidecar lasts longer than a call may.
func TestPausedPastDeadline(t *testing.T) {
	t.Parallel()
	const deadline, repeats = 200 * time.Millisecond, 8
	store := gatewaySite(embedded)
	leading := newProcess(t, store)
	between, s := behindProxy(t, store.Store)
	paused := leading.beside(t, "S3_ENDPOINT="+s.Endpoint, "S3_IAM_ENDPOINT="+s.IAMEndpoint, gocosi.EnvCOSIRPCTimeout+"="+deadline.String())
	leading.start(t)
	paused.start(t)
	leader, old := callerOn(leading.dial(t)), &leash{process: paused, proxy: between, caller: callerOn(paused.dial(t))}
	for n := range repeats {
		bucket := fmt.Sprint("expired-", n)
		leader.create(t, bucket, nil)
		stop := old.at(1, true)
		began, woken := time.Now(), make(chan error, 1)
		go func() {
			_, err := old.caller.tryGrant(t.Context(), bucket, bucket, nil)
			woken <- err
		}()
		if err := <-stop.reached; err != nil {
			t.Fatal(err)
		}
		leader.grant(t, bucket, bucket, nil)
		leader.revoke(t, bucket, bucket)
		time.Sleep(time.Until(began.Add(2 * deadline)))
		close(stop.resume)
		<-stop.sent // so that the process wakes to its answer and to its deadline at once
		if err := paused.wake(); err != nil {
			t.Fatal(err)
		}
		err := <-woken
		if status.Code(err) != codes.DeadlineExceeded || stop.count.Load() > 1 {
			t.Errorf("the call that woke answers %v and sent %d more requests, want %v and none", err, stop.count.Load()-1, codes.DeadlineExceeded)
		}
		old.free()
		leader.revoke(t, bucket, bucket)
		leader.delete(t, bucket, nil)
	}
	buckets, users, err := store.administrator.everything(t.Context(), "expired-")
	if err != nil || len(buckets)+len(users) > 0 {
		t.Errorf("left over are the buckets %v and the users %v, %v", buckets, users, err)
	}
}
