package driver

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// userName is what IAM takes for the name of a user.
var userName = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`)

// account is an access that is asked for, by the names that the store knows.
type account struct {
	name   string // of the user; also the account's id
	bucket string
	access access
}

// DriverGrantBucketAccess makes an account with one key, or finds the one that an earlier call made and returns the same
// key: the sidecar keeps only what it saw first.
func (p *provisioner) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	a, err := readGrant(r)
	if err != nil {
		return nil, err
	}
	if err := p.checkBucket(ctx, a.bucket); err != nil {
		return nil, err
	}
	k, err := p.findOrMakeAccount(ctx, a)
	if err != nil {
		return nil, err
	}
	credentials := gocosi.S3Credentials{
		Endpoint: p.settings.ClientEndpoint, Region: p.settings.Region,
		AccessKeyID: k.id, AccessSecretKey: k.secret,
	}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: a.name, Credentials: credentials.Map()}, nil
}

// findOrMakeAccount takes its steps in this order: each can be the last one that happens, and the next call goes on from
// there.
func (p *provisioner) findOrMakeAccount(ctx context.Context, a account) (key, error) {
	k, err := p.findOrMakeKey(ctx, a)
	if err != nil {
		return key{}, err
	}
	return k, p.allow(ctx, a)
}

// findOrMakeKey returns the user's one key.
func (p *provisioner) findOrMakeKey(ctx context.Context, a account) (key, error) {
	fence := newFence()
	made, err := p.makeUser(ctx, a, fence)
	if err != nil {
		return key{}, err
	}
	if made {
		return p.makeKey(ctx, a, nil)
	}
	tags, err := p.tagsOfAccount(ctx, a)
	if err != nil {
		return key{}, err
	}
	kept, err := p.openKept(a, tags)
	if err != nil {
		return key{}, err
	}
	if len(kept) == 0 && tags[tagFence] == fence { // this call made it, and the first answer was lost
		return p.makeKey(ctx, a, nil)
	}
	listed, err := p.listKeys(ctx, a.name)
	if err != nil {
		return key{}, err
	}
	if k := usable(kept, listed); k.id != "" {
		return k.key, p.resealOld(ctx, a, k)
	}
	return p.replaceKey(ctx, a, fence, listed)
}

// removeShell removes a user that nothing tells whose it is, if nothing belongs to it: on a store that drops tags and path of a
// new user, a crash leaves such a one. The store deletes no user that has anything.
func (p *provisioner) removeShell(ctx context.Context, user string) error {
	conflict, err := p.deleteUser(ctx, user)
	if err == nil && !conflict {
		err = status.Errorf(codes.Aborted, "user %q existed, without tags and without anything of its own; it was removed", user)
	}
	return err
}

// replaceKey makes another key for a user that shows none which could be delivered, or finds that there is one after all.
// A key that no tag keeps was lost on its way there: it is deleted before.
func (p *provisioner) replaceKey(ctx context.Context, a account, fence string, listed []string) (key, error) {
	tags, err := p.fence(ctx, a.name, []types.Tag{tag(tagFence, fence)})
	if err == nil {
		err = cmp.Or(p.checkUser(a, tags), p.forget(ctx, a.name, tags, listed))
	}
	if err != nil {
		return key{}, err
	}
	kept, err := p.openKept(a, tags)
	if err != nil {
		return key{}, err
	}
	if k := usable(kept, listed); k.id != "" {
		return k.key, nil
	}
	isKept := func(id string) bool { return slices.ContainsFunc(kept, func(k keptKey) bool { return k.id == id }) }
	if err := p.deleteLost(ctx, a.name, slices.DeleteFunc(listed, isKept)); err != nil {
		return key{}, err
	}
	return p.makeKey(ctx, a, slices.DeleteFunc(kept, func(k keptKey) bool { return k.dead }))
}

// tagsOfAccount reads the tags of a user that exists, and refuses one that is not ours or was granted something else.
func (p *provisioner) tagsOfAccount(ctx context.Context, a account) (userTags, error) {
	tags, err := p.userTags(ctx, a.name)
	switch {
	case gone(err): // and yet it exists
		return nil, notShown("the user")
	case err != nil:
		return nil, failed("read the user's tags", err)
	case tags.none():
		stranger, err := p.isStranger(ctx, a.name)
		if err == nil && !stranger {
			err = notShown("the user's tags")
		}
		if err == nil {
			err = p.removeShell(ctx, a.name)
		}
		if err == nil { // it may have got its tags meanwhile
			tags, err = p.userTags(ctx, a.name)
		}
		if err != nil {
			return nil, failed("read the user's tags", err)
		}
	}
	return tags, p.checkUser(a, tags)
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
	if userName.MatchString(a.name) && bucketName.MatchString(a.bucket) { // any others are none of this store's
		if err := p.removeAccount(ctx, a); err != nil {
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
