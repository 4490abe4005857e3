package cositest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// trial holds one run of one case: what it made, to be removed when it ends.
type trial struct {
	*client

	cfg      Config
	ways     *ways
	controls *controls

	mu       sync.Mutex
	removals []removal
	names    map[string]bool // of buckets that calls made
	hint     string          // what the author of the run could change
	broken   error           // why nothing can go on: a hook did not put back what it took away, or the driver did not come back
}

// removal says how to remove something that a case made; what names it.
type removal struct {
	what   string
	remove func(context.Context) error
}

// later remembers how something is removed after the case.
func (t *trial) later(what string, remove func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(t.removals, func(r removal) bool { return r.what == what }) {
		t.removals = append(t.removals, removal{what, remove})
	}
}

// forget takes back what later was told.
func (t *trial) forget(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removals = slices.DeleteFunc(t.removals, func(r removal) bool { return r.what == what })
}

// advise says what the author of the run could change.
func (t *trial) advise(hint string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hint = hint
}

// grace limits how long an RPC may take once the run was given up.
const grace = 3 * time.Second

// cleanUp removes what the case made, the newest first, and says what is left over. When the run was given up, the
// buckets are still there, but nobody wants to wait for long. A second call tries what failed.
func (t *trial) cleanUp(ctx context.Context) []LeftOver {
	if ctx.Err() != nil {
		t.timeout = min(t.timeout, grace)
	}
	t.story.tidying(true)
	defer t.story.tidying(false)
	ctx = context.WithoutCancel(ctx)
	var left []LeftOver
	var failed []removal
	for _, r := range slices.Backward(t.removals) {
		if err := r.remove(ctx); err != nil && status.Code(err) != codes.NotFound {
			left = append(left, LeftOver{r.what, plainly(err)})
			failed = append(failed, r)
		}
	}
	slices.Reverse(failed)
	t.removals = failed
	return left
}

// createBucket creates a bucket and sees to its removal.
func (t *trial) createBucket(ctx context.Context, name string, parameters map[string]string) (*cosi.DriverCreateBucketResponse, error) {
	request := &cosi.DriverCreateBucketRequest{Name: name, Parameters: parameters}
	response, err := t.create(ctx, request)
	perhaps := named("bucket", name) + ", which may have been made by a call that had no certain answer"
	switch {
	case err == nil:
		t.forget(perhaps)
		t.deleteLater(name, response, parameters)
	case unsure(err):
		t.later(perhaps, func(ctx context.Context) error {
			err := t.undoCreate(ctx, request)
			if status.Code(err) == codes.AlreadyExists && t.made(name) {
				return nil // the bucket that is there is another call's, which removes it
			}
			return err
		})
	}
	return response, err
}

// named returns how a report calls something that a request asked for.
func named(kind, name string) string {
	switch {
	case name != "":
		return kind + " " + name
	case kind == "access":
		return "an access without a name"
	}
	return "a " + kind + " without a name"
}

// made says whether a call made a bucket of that name.
func (t *trial) made(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.names[name]
}

// errNoID says why something cannot be removed.
var errNoID = errors.New("it was answered without an id")

func (t *trial) deleteLater(name string, r *cosi.DriverCreateBucketResponse, parameters map[string]string) {
	t.mu.Lock()
	t.names[name] = true
	t.mu.Unlock()
	id := r.GetBucketId()
	if id == "" {
		t.later(named("bucket", name), func(context.Context) error { return errNoID })
		return
	}
	t.later("bucket "+id, func(ctx context.Context) error {
		return t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: id, DeleteContext: parameters})
	})
}

// undoCreate removes the bucket that a call may have made: only a repeat tells its id. A request that is refused has made
// nothing.
func (t *trial) undoCreate(ctx context.Context, r *cosi.DriverCreateBucketRequest) error {
	response, err := t.create(ctx, r)
	if refusal(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: response.GetBucketId(), DeleteContext: r.GetParameters()})
}

// unsure says that a call may have done its work although no answer came: it was given up, or the connection is lost.
func unsure(err error) bool {
	silent, ok := errors.AsType[silentError](err)
	if _, huge := errors.AsType[hugeError](err); huge {
		return true
	}
	return ok && !silent.uncalled || status.Code(err) == codes.Canceled || status.Code(err) == codes.Unavailable
}

// give grants access and sees to its revocation.
func (t *trial) give(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	response, err := t.grant(ctx, r)
	perhaps := named("access", r.GetName()) + ", which may have been granted by a call that had no certain answer"
	switch {
	case err == nil:
		t.forget(perhaps)
		t.revokeLater(r, response)
	case unsure(err):
		t.later(perhaps, func(ctx context.Context) error { return t.undoGrant(ctx, r) })
	}
	return response, err
}

func (t *trial) revokeLater(r *cosi.DriverGrantBucketAccessRequest, answer *cosi.DriverGrantBucketAccessResponse) {
	account := answer.GetAccountId()
	if account == "" {
		t.later(named("access", r.GetName()), func(context.Context) error { return errNoID })
		return
	}
	what := "account " + account + " of bucket " + r.GetBucketId()
	if r.GetBucketId() == "" {
		what = "account " + account + ", granted without bucket_id"
	}
	t.later(what, func(ctx context.Context) error {
		return t.revoke(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: r.GetBucketId(), AccountId: account})
	})
}

// undoGrant revokes what a call may have granted.
func (t *trial) undoGrant(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) error {
	response, err := t.grant(ctx, r)
	if refusal(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.revoke(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: r.GetBucketId(), AccountId: response.GetAccountId()})
}

// remove deletes a bucket as the sidecar does, with the parameters that it was created with.
func (t *trial) remove(ctx context.Context, id string) error {
	return t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: id, DeleteContext: t.cfg.BucketParameters})
}

// atOnce runs a number of calls side by side and returns their errors.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = call(i) })
	}
	wg.Wait()
	return errs
}
