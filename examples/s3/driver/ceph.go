package driver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/ceph/go-ceph/rgw/admin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// cephAccounts makes accounts of the users of a Ceph Object Gateway (RGW), which has an API of its own for them. One request
// makes a user with its key, and another one shows the key again, so that nothing has to be kept and no key is ever lost.
// Only policies are IAM's.
type cephAccounts struct {
	admin *admin.API
	iam   *iam.Client
	pace  pace
	owner string
	key   string // the id of the driver's own key
}

func newCephAccounts(settings Settings) *cephAccounts {
	p := settings.bounds()
	return &cephAccounts{
		admin: &admin.API{
			Endpoint: settings.Endpoint, AccessKey: settings.AccessKey, SecretKey: settings.SecretKey,
			HTTPClient: &cephClient{next: settings.client, pace: p, retryer: newRetryer(p), measure: newMeasure(settings, settings.Endpoint)},
		},
		iam: newIAM(settings), pace: p, owner: settings.Owner, key: settings.AccessKey,
	}
}

// ready looks at the driver's own user, and at what that may do.
func (c *cephAccounts) ready(ctx context.Context) error {
	own, err := c.admin.GetUser(ctx, admin.User{Keys: []admin.UserKeySpec{{AccessKey: c.key}}})
	if odd, ok := errors.AsType[*strange](err); ok && !busy(odd.httpStatus) {
		return status.Errorf(codes.FailedPrecondition, "%s=%s, and below %s/admin is no Ceph: %s", EnvStore, Ceph, EnvEndpoint, odd.what)
	}
	if err != nil {
		return failed("look at the driver's own user", err)
	}
	if own.Tenant != "" || strings.Contains(own.ID, "$") {
		return status.Errorf(codes.FailedPrecondition, "the driver's own user %q has a tenant; want one without", own.ID)
	}
	for _, needed := range []string{"users", "user-policy"} {
		may := func(has admin.UserCapSpec) bool { return has.Type == needed && mayAll(has.Perm) }
		if !slices.ContainsFunc(own.Caps, may) {
			return status.Errorf(codes.FailedPrecondition, "the driver's own user %q lacks the capability %s=*; "+
				"radosgw-admin caps add --uid=%[1]s --caps=\"users=*;user-policy=*\" gives it", own.ID, needed)
		}
	}
	return nil
}

func mayAll(permission string) bool {
	return permission == "*" || strings.Contains(permission, "read") && strings.Contains(permission, "write")
}

// id is the user's name. It tells owner and bucket, so that removing a user needs no look at whose it is.
func (c *cephAccounts) id(a account) string { return a.name + c.mark(a.bucket) }

func (c *cephAccounts) mark(bucket string) string {
	sum := sha256.Sum256([]byte(c.owner + "\n" + bucket))
	return "-" + hex.EncodeToString(sum[:6])
}

// check refuses names that Ceph takes for a user, and cannot find again when it puts a policy.
func (c *cephAccounts) check(name string) error {
	if strings.Contains(name, "+") {
		return status.Errorf(codes.InvalidArgument, "name %.80q is not a user's on Ceph: want one without +", name)
	}
	return nil
}

// label is the user's display name: it says in words what the account is, and is how a repeated grant knows what was granted.
func (c *cephAccounts) label(a account) string {
	return fmt.Sprintf("COSI %s to %s by %s", a.access, a.bucket, c.owner)
}

// ensure takes one request for a new account. The user may make no buckets of its own.
func (c *cephAccounts) ensure(ctx context.Context, a account) (key, error) {
	user, err := c.admin.CreateUser(ctx, admin.User{
		ID: c.id(a), DisplayName: c.label(a), MaxBuckets: aws.Int(-1), GenerateKey: aws.Bool(true),
	})
	if answered(err, "UserAlreadyExists") {
		return c.look(ctx, a)
	}
	if err != nil {
		return key{}, failed("create user", err)
	}
	return c.read(a, user)
}

// look reads the account's key.
func (c *cephAccounts) look(ctx context.Context, a account) (key, error) {
	user, err := c.admin.GetUser(ctx, admin.User{ID: c.id(a)})
	if answered(err, noCephUser) {
		return key{}, notShown("the user")
	}
	if err != nil {
		return key{}, failed("look at the user", err)
	}
	return c.read(a, user)
}

// read returns the one key of a user, and refuses one that was granted something else or is not as the driver made it.
func (c *cephAccounts) read(a account, user admin.User) (key, error) {
	refuse := func(format string, args ...any) (key, error) {
		return key{}, status.Errorf(codes.FailedPrecondition, "account %q "+format, append([]any{c.id(a)}, args...)...)
	}
	for _, other := range []access{readWrite, readOnly, writeOnly} {
		if granted := (account{a.name, a.bucket, other}); other != a.access && user.DisplayName == c.label(granted) {
			return refuse("was granted %s", other)
		}
	}
	switch {
	case user.ID != c.id(a):
		return key{}, another("user")
	case user.DisplayName != c.label(a):
		return refuse("exists with the display name %.80q, which this driver did not give it", user.DisplayName)
	case user.Suspended != nil && *user.Suspended != 0:
		return refuse("is suspended; enable it")
	case len(user.Keys) != 1:
		return refuse("has %d keys, and the driver gave it one; revoke the access and grant it anew", len(user.Keys))
	}
	k := key{id: user.Keys[0].AccessKey, secret: user.Keys[0].SecretKey}
	if k.id == "" || k.secret == "" {
		return key{}, another("key")
	}
	return k, nil
}

// allow gives the user its policy, and looks whether the key is still there: two creations of one user at the same moment
// both succeed, and only the last one's key lives.
func (c *cephAccounts) allow(ctx context.Context, a account, k key) error {
	id := c.id(a)
	if err := putPolicy(ctx, c.iam, id, policyName(c.owner, a.bucket), a); err != nil {
		return err
	}
	now, err := c.look(ctx, a)
	if err == nil && now != k {
		err = somebodyElse(id)
	}
	return err
}

// remove deletes the user with its key and its policy, until there is none: a policy that is put at the same moment brings
// the user back.
func (c *cephAccounts) remove(ctx context.Context, a account) error {
	id := strings.TrimSuffix(a.name, c.mark(a.bucket)) + c.mark(a.bucket) // the name of the grant is as good
	gone, err := c.pace.await(ctx, func() (bool, error) {
		err := c.admin.RemoveUser(ctx, admin.User{ID: id})
		if answered(err, noCephUser) {
			return true, nil
		}
		return false, err
	})
	switch {
	case answered(err, "BucketAlreadyExists"): // what it says of a user with buckets
		return cmp.Or(removePolicy(ctx, c.iam, id, policyName(c.owner, a.bucket)), status.Errorf(codes.FailedPrecondition,
			"user %q lost its access, and has buckets of its own, which this driver did not give it; remove those first", id))
	case err == nil && !gone:
		return status.Error(codes.Unavailable, "delete user: not the store's answer: the user was deleted again and again, and is never said to be gone")
	}
	return failed("delete user", err)
}
