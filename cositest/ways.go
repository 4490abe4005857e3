package cositest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// ways holds how to get buckets and accesses from a driver that does not accept everything that it should. They are found
// out when they are first needed, so that no case depends on another: what the driver takes is used, and the case of
// the rule that it breaks reports what it does not take.
type ways struct {
	mu sync.Mutex

	bucketNames, accessNames string                  // the prefix of names that are taken; "": not known yet
	method                   cosi.AuthenticationType // 0: not known yet
}

// The prefixes of names: the sidecar's, and those of names that are short.
const (
	bucketPrefix, shortBucket = "bucket-", "cosi"
	accessPrefix, shortAccess = "ba-", "ba"
)

// bucket and access are what cases start from.
type bucket struct{ name, id string }

type access struct {
	name, account string
	credentials   map[string]*cosi.CredentialDetails
}

// newName makes a name as the sidecar does: the prefix and a UUID. A name with a prefix for short ones has 12 characters
// at most.
func newName(prefix string) string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	if prefix == shortBucket || prefix == shortAccess {
		return fmt.Sprintf("%s%x", prefix, u[:4])
	}
	return fmt.Sprintf("%s%x-%x-%x-%x-%x", prefix, u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func bucketName() string { return newName(bucketPrefix) }

func accountName() string { return newName(accessPrefix) }

// refusal says that a request was refused for what is in it.
func refusal(err error) bool {
	code := status.Code(err)
	return err != nil && !gone(err) && (code == codes.InvalidArgument || code == codes.OutOfRange || !canonical(code))
}

// bucket returns a bucket to work with. If the driver refuses the sidecar's names, it has another.
func (t *trial) bucket(ctx context.Context) (bucket, error) {
	name, response, err := t.newBucket(ctx, t.cfg.BucketParameters)
	if err == nil && response.GetBucketId() == "" {
		err = missed("a bucket is of no use without an id", errors.New("bucket_id is empty, which CREATE-5 reports"))
		return bucket{}, err
	}
	return bucket{name, response.GetBucketId()}, missed("a bucket cannot be created", err)
}

// newBucket creates a bucket by a name that the driver takes.
func (t *trial) newBucket(ctx context.Context, parameters map[string]string) (name string, response *cosi.DriverCreateBucketResponse, err error) {
	if prefix := t.ways.bucketPrefix(); prefix != "" {
		name = newName(prefix)
		response, err = t.createBucket(ctx, name, parameters)
		return name, response, err
	}
	for _, prefix := range []string{bucketPrefix, shortBucket} {
		name = newName(prefix)
		response, err = t.createBucket(ctx, name, parameters)
		if err == nil {
			t.ways.mu.Lock()
			t.ways.bucketNames = prefix
			t.ways.mu.Unlock()
		}
		if !refusal(err) {
			return name, response, err
		}
	}
	if len(t.cfg.BucketParameters) == 0 {
		t.advise("this driver seems to need parameters: give Config.BucketParameters (-parameters)")
	}
	return name, response, err
}

// takenName returns a name for a bucket that the driver accepts.
func (t *trial) takenName(ctx context.Context) (string, error) {
	if t.ways.bucketPrefix() == "" {
		if _, err := t.bucket(ctx); err != nil {
			return "", err
		}
	}
	return newName(t.ways.bucketPrefix()), nil
}

func (w *ways) bucketPrefix() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bucketNames
}

// accessName returns a name for an access that the driver accepts.
func (t *trial) accessName() string {
	t.ways.mu.Lock()
	defer t.ways.mu.Unlock()
	if t.ways.accessNames == "" {
		return accountName()
	}
	return newName(t.ways.accessNames)
}

// authentication returns a type that the driver supports: the first one of the configuration, or the one that was found.
func (t *trial) authentication() cosi.AuthenticationType {
	t.ways.mu.Lock()
	defer t.ways.mu.Unlock()
	switch {
	case len(t.cfg.AuthenticationTypes) > 0:
		return t.cfg.AuthenticationTypes[0]
	case t.ways.method != 0:
		return t.ways.method
	}
	return cosi.AuthenticationType_Key
}

// find looks for a name and a type with which access is granted, if that is not known yet: with a bucket of its own, since
// some stores keep few accesses for one, and some do not delete one that has any.
func (t *trial) find(ctx context.Context) {
	t.ways.mu.Lock()
	known := t.ways.method != 0
	t.ways.mu.Unlock()
	if known {
		return
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return
	}
	methods := []cosi.AuthenticationType{cosi.AuthenticationType_Key, cosi.AuthenticationType_IAM}
	if len(t.cfg.AuthenticationTypes) > 0 {
		methods = t.cfg.AuthenticationTypes
	}
	for _, method := range methods {
		prefix, err := t.tryType(ctx, b, method)
		if err == nil {
			t.ways.mu.Lock()
			t.ways.method, t.ways.accessNames = method, prefix
			t.ways.mu.Unlock()
			return
		}
		if gone(err) {
			return
		}
	}
}

// tryType grants access by the type. When the sidecar's name for it is refused, another is tried.
func (t *trial) tryType(ctx context.Context, b bucket, method cosi.AuthenticationType) (prefix string, err error) {
	for _, prefix = range []string{accessPrefix, shortAccess} {
		request := t.plainRequest(b, newName(prefix))
		request.AuthenticationType = method
		if _, err = t.give(ctx, request); !refusal(err) {
			return prefix, err
		}
	}
	return prefix, err
}

// request asks for access by a type that the driver supports.
func (t *trial) request(ctx context.Context, b bucket) *cosi.DriverGrantBucketAccessRequest {
	t.find(ctx)
	return t.plainRequest(b, t.accessName())
}

func (t *trial) plainRequest(b bucket, name string) *cosi.DriverGrantBucketAccessRequest {
	return &cosi.DriverGrantBucketAccessRequest{
		BucketId: b.id, Name: name, AuthenticationType: t.authentication(), Parameters: t.cfg.AccessParameters,
	}
}

// access returns access to a bucket to work with. What it holds may break rules.
func (t *trial) access(ctx context.Context, b bucket) (access, error) {
	request := t.request(ctx, b)
	response, err := t.give(ctx, request)
	if err == nil && response.GetAccountId() == "" {
		return access{}, missed("an access is of no use without an id", errors.New("account_id is empty, which GRANT-6 reports"))
	}
	if refusal(err) && len(t.cfg.AccessParameters) == 0 && strings.Contains(strings.ToLower(status.Convert(err).Message()), "param") {
		t.advise("this driver seems to need parameters for access: give Config.AccessParameters (-access-parameters)")
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
