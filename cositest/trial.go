package cositest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// trial is one run of one case: what it made, to be removed when it ends.
type trial struct {
	*client

	cfg Config

	mu       sync.Mutex
	removals []removal
}

// removal is how something that a case made is removed; what names it.
type removal struct {
	what   string
	remove func(context.Context) error
}

// bucket and access are what cases start from.
type bucket struct{ name, id string }

type access struct {
	name, account string
	credentials   map[string]*cosi.CredentialDetails
}

// newName makes a name as the sidecar does: the prefix and a UUID.
func newName(prefix string) string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%s%x-%x-%x-%x-%x", prefix, u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func bucketName() string { return newName("bucket-") }

func accountName() string { return newName("ba-") }

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

// grace is how long an RPC may take once the run was given up.
const grace = 3 * time.Second

// cleanUp removes what the case made, the newest first, and says what is left over. When the run was given up, the
// buckets are still there, but nobody wants to wait for long.
func (t *trial) cleanUp(ctx context.Context) string {
	if ctx.Err() != nil {
		t.timeout = min(t.timeout, grace)
	}
	ctx = context.WithoutCancel(ctx)
	var left []string
	for _, r := range slices.Backward(t.removals) {
		if err := r.remove(ctx); err != nil && status.Code(err) != codes.NotFound {
			left = append(left, fmt.Sprintf("%s: %v", r.what, err))
		}
	}
	return strings.Join(left, "; ")
}

// createBucket creates a bucket and sees to its removal.
func (t *trial) createBucket(ctx context.Context, name string, parameters map[string]string) (*cosi.DriverCreateBucketResponse, error) {
	request := &cosi.DriverCreateBucketRequest{Name: name, Parameters: parameters}
	response, err := t.create(ctx, request)
	perhaps := "bucket " + name + ", whose creation was not answered"
	switch {
	case err == nil:
		t.forget(perhaps)
		t.deleteLater(name, response, parameters)
	case lost(err):
		t.later(perhaps, func(ctx context.Context) error { return t.undoCreate(ctx, request) })
	}
	return response, err
}

// errNoID is why something cannot be removed.
var errNoID = errors.New("it was answered without an id")

func (t *trial) deleteLater(name string, r *cosi.DriverCreateBucketResponse, parameters map[string]string) {
	id := r.GetBucketId()
	if id == "" {
		t.later("bucket "+name, func(context.Context) error { return errNoID })
		return
	}
	t.later("bucket "+id, func(ctx context.Context) error {
		return t.patiently(ctx, func() error {
			return t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: id, DeleteContext: parameters})
		})
	})
}

// undoCreate removes the bucket that a call may have made: only a repeat tells its id.
func (t *trial) undoCreate(ctx context.Context, r *cosi.DriverCreateBucketRequest) error {
	return t.patiently(ctx, func() error {
		response, err := t.create(ctx, r)
		if err != nil {
			return err
		}
		return t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: response.GetBucketId(), DeleteContext: r.GetParameters()})
	})
}

// lost says that a call may have done its work although no answer came: it was given up, or the connection is lost.
func lost(err error) bool {
	silent, ok := errors.AsType[silentError](err)
	return ok && !silent.uncalled || status.Code(err) == codes.Canceled || status.Code(err) == codes.Unavailable
}

// bucket is a bucket to do something with.
func (t *trial) bucket(ctx context.Context) (bucket, error) {
	name := bucketName()
	response, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
	if err == nil && response.GetBucketId() == "" {
		err = errors.New("it has no id")
	}
	return bucket{name, response.GetBucketId()}, missed("a bucket cannot be created", err)
}

// give grants access and sees to its revocation.
func (t *trial) give(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	response, err := t.grant(ctx, r)
	perhaps := "access " + r.GetName() + ", whose grant was not answered"
	switch {
	case err == nil:
		t.forget(perhaps)
		t.revokeLater(r, response)
	case lost(err):
		t.later(perhaps, func(ctx context.Context) error { return t.undoGrant(ctx, r) })
	}
	return response, err
}

func (t *trial) revokeLater(r *cosi.DriverGrantBucketAccessRequest, answer *cosi.DriverGrantBucketAccessResponse) {
	account := answer.GetAccountId()
	if account == "" {
		t.later("access "+r.GetName(), func(context.Context) error { return errNoID })
		return
	}
	t.later("account "+account+" of bucket "+r.GetBucketId(), func(ctx context.Context) error {
		return t.patiently(ctx, func() error {
			return t.revoke(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: r.GetBucketId(), AccountId: account})
		})
	})
}

// undoGrant revokes what a call may have granted.
func (t *trial) undoGrant(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) error {
	return t.patiently(ctx, func() error {
		response, err := t.grant(ctx, r)
		if err != nil {
			return err
		}
		return t.revoke(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: r.GetBucketId(), AccountId: response.GetAccountId()})
	})
}

// authentication is a type that the driver supports: the first one of the configuration, or the one that GRANT-4 found.
func (t *trial) authentication() cosi.AuthenticationType {
	if len(t.cfg.AuthenticationTypes) > 0 {
		return t.cfg.AuthenticationTypes[0]
	}
	if t.supported != cosi.AuthenticationType_UnknownAuthenticationType {
		return t.supported
	}
	return cosi.AuthenticationType_Key
}

// request asks for access by the first authentication type that the driver supports.
func (t *trial) request(b bucket, name string) *cosi.DriverGrantBucketAccessRequest {
	return &cosi.DriverGrantBucketAccessRequest{
		BucketId: b.id, Name: name, AuthenticationType: t.authentication(), Parameters: t.cfg.AccessParameters,
	}
}

// access is access to a bucket to do something with.
func (t *trial) access(ctx context.Context, b bucket) (access, error) {
	request := t.request(b, accountName())
	response, err := t.give(ctx, request)
	if err == nil {
		if v := rules.Response(request, response); v != nil {
			err = v
		}
	}
	return access{request.GetName(), response.GetAccountId(), response.GetCredentials()}, missed("access cannot be granted", err)
}

// bucketWithAccess creates a bucket and grants access to it.
func (t *trial) bucketWithAccess(ctx context.Context) (bucket, access, error) {
	b, err := t.bucket(ctx)
	if err != nil {
		return bucket{}, access{}, err
	}
	a, err := t.access(ctx, b)
	return b, a, err
}

// use puts and gets an object with the credentials.
func (t *trial) use(ctx context.Context, b bucket, credentials map[string]*cosi.CredentialDetails) error {
	return t.cfg.Access(ctx, Use{BucketName: b.name, BucketID: b.id, Credentials: credentials})
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

// patiently repeats a call that answers ABORTED, which is allowed while another works on the same bucket. When that was
// in vain in several cases, calls are not repeated any more.
func (t *trial) patiently(ctx context.Context, call func() error) error {
	limit := time.NewTimer(t.patience())
	defer limit.Stop()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := call()
		if status.Code(err) != codes.Aborted {
			return err
		}
		select {
		case <-tick.C:
		case <-limit.C:
			_ = t.unheard(aborted)
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// aborted is what stands for repeated calls where RPCs that do not answer are counted.
const aborted = "calls that are aborted"

// patience is how long calls are repeated.
func (t *trial) patience() time.Duration {
	if t.given(aborted) != nil {
		return 0
	}
	return t.timeout
}

// pause is how long a caller waits before it repeats a call that was aborted.
const pause = 10 * time.Millisecond
