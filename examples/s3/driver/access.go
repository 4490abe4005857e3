package driver

import (
	"cmp"
	"context"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

var (
	// userName is what IAM takes for the name of a user.
	userName = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`)
	// userID is what the id of an account may be: a user's name, and what a kind of store adds to it.
	userID = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,80}$`)
)

// DriverGrantBucketAccess makes an account with one key, or finds the one that an earlier call made and returns the same
// key: the sidecar keeps only what it saw first.
func (p *provisioner) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	a, err := readGrant(r)
	if err != nil {
		return nil, err
	}
	if err := p.accounts.check(a.name); err != nil {
		return nil, err
	}
	if err := p.checkBucket(ctx, a.bucket); err != nil {
		return nil, err
	}
	k, err := p.accounts.ensure(ctx, a)
	if err == nil {
		err = p.accounts.allow(ctx, a, k)
	}
	if err != nil {
		return nil, err
	}
	credentials := gocosi.S3Credentials{
		Endpoint: p.settings.ClientEndpoint, Region: p.settings.Region,
		AccessKeyID: k.id, AccessSecretKey: k.secret,
	}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: p.accounts.id(a), Credentials: credentials.Map()}, nil
}

func readGrant(r *cosi.DriverGrantBucketAccessRequest) (a account, err error) {
	a = account{name: r.GetName(), bucket: r.GetBucketId()}
	switch {
	case a.bucket == "":
		return a, status.Error(codes.InvalidArgument, "bucket_id is required")
	case !userName.MatchString(a.name):
		return a, status.Errorf(codes.InvalidArgument, "name %.80q is not a user's: 1 to 64 of A-Z, a-z, 0-9 and +=,.@_-", a.name)
	case r.GetAuthenticationType() != cosi.AuthenticationType_Key:
		return a, status.Errorf(codes.InvalidArgument, "authentication_type %s is not supported; accepted is Key", r.GetAuthenticationType())
	}
	a.access, err = accessParameters(r.GetParameters())
	return a, err
}

// checkBucket refuses a bucket that does not exist. One that somebody else made is fine: an administrator entered it.
func (p *provisioner) checkBucket(ctx context.Context, name string) error {
	if bucketName.MatchString(name) {
		_, err := p.bucketTags(ctx, name) // a HEAD would do, but its failures have no body that names the reason
		if !answered(err, noBucket) {
			return failed("look for the bucket", err)
		}
		if there, err := p.lists(ctx, name); err != nil || there {
			return cmp.Or(err, notShown("the bucket's tags"))
		}
	}
	return status.Errorf(codes.NotFound, "bucket %.80q does not exist", name)
}

// DriverRevokeBucketAccess removes the account. One that is gone, is not ours, or belongs to another bucket is a success:
// every sidecar sees every revoke.
func (p *provisioner) DriverRevokeBucketAccess(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	if err := cmp.Or(required("bucket_id", r.GetBucketId()), required("account_id", r.GetAccountId())); err != nil {
		return nil, err
	}
	a := account{name: r.GetAccountId(), bucket: r.GetBucketId()}
	if userID.MatchString(a.name) && bucketName.MatchString(a.bucket) { // any others are none of this store's
		if err := p.accounts.remove(ctx, a); err != nil {
			return nil, err
		}
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

func required(field, value string) error {
	if value == "" {
		return status.Error(codes.InvalidArgument, field+" is required")
	}
	return nil
}
