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

	mu      sync.Mutex
	removes []func(context.Context) error
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
func (t *trial) later(remove func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removes = append(t.removes, remove)
}

// cleanUp removes what the case made, the newest first, and says what is left over.
func (t *trial) cleanUp(ctx context.Context) string {
	ctx = context.WithoutCancel(ctx) // the case may have been given up, its buckets are still there
	var left []string
	for _, remove := range slices.Backward(t.removes) {
		if err := remove(ctx); err != nil {
			left = append(left, err.Error())
			if gone(status.Code(errors.Unwrap(err))) {
				break // it would not answer for the others either
			}
		}
	}
	return strings.Join(left, "; ")
}

// make creates a bucket and sees to its removal.
func (t *trial) make(ctx context.Context, name string, parameters map[string]string) (*cosi.DriverCreateBucketResponse, error) {
	response, err := t.create(ctx, &cosi.DriverCreateBucketRequest{Name: name, Parameters: parameters})
	if id := response.GetBucketId(); err == nil && id != "" {
		t.later(func(ctx context.Context) error {
			if err := t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: id, DeleteContext: parameters}); err != nil {
				return fmt.Errorf("bucket %s: %w", id, err)
			}
			return nil
		})
	}
	return response, err
}

// bucket is a bucket to do something with.
func (t *trial) bucket(ctx context.Context) (bucket, error) {
	name := bucketName()
	response, err := t.make(ctx, name, t.cfg.BucketParameters)
	if err == nil && response.GetBucketId() == "" {
		err = errors.New("it has no id")
	}
	return bucket{name, response.GetBucketId()}, missed("a bucket cannot be created", err)
}

// give grants access and sees to its revocation.
func (t *trial) give(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	response, err := t.grant(ctx, r)
	if account := response.GetAccountId(); err == nil && account != "" {
		t.later(func(ctx context.Context) error {
			if err := t.revoke(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: r.GetBucketId(), AccountId: account}); err != nil {
				return fmt.Errorf("account %s: %w", account, err)
			}
			return nil
		})
	}
	return response, err
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

// both is a bucket and access to it.
func (t *trial) both(ctx context.Context) (bucket, access, error) {
	b, err := t.bucket(ctx)
	if err != nil {
		return bucket{}, access{}, err
	}
	a, err := t.access(ctx, b)
	return b, a, err
}

// use puts and gets an object with the credentials; it skips the case when there is no hook for that.
func (t *trial) use(ctx context.Context, b bucket, credentials map[string]*cosi.CredentialDetails) error {
	if t.cfg.Access == nil {
		return skipError("needs the hook Access")
	}
	return t.cfg.Access(ctx, Use{BucketName: b.name, BucketID: b.id, Credentials: credentials})
}

// refused expects an error with one of the codes. UNKNOWN counts as any of them: GEN-4 reports it.
func refused(what string, err error, accepted ...codes.Code) error {
	code := status.Code(err)
	if err == nil {
		return fmt.Errorf("%s is accepted; expected is %s", what, accepted[0])
	}
	if code == codes.Unknown || slices.Contains(accepted, code) {
		return nil
	}
	if gone(code) {
		return fmt.Errorf("%s is not answered: %w", what, err)
	}
	return fmt.Errorf("%s is refused with %s; expected is %s", what, code, accepted[0])
}

// accepted expects success.
func accepted(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s is refused: %w", what, err)
	}
	return nil
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

// patiently repeats a call that answers ABORTED, which is allowed while another works on the same bucket.
func (t *trial) patiently(ctx context.Context, call func() error) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := call()
		if status.Code(err) != codes.Aborted {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// pause is how long a caller waits before it repeats a call that was aborted.
const pause = 10 * time.Millisecond
