package driver_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// tag returns the tag of a user that holds its sealed key.
func (a administrator) tag(t *testing.T, user string) (name, sealed string) {
	t.Helper()
	out, err := a.iam.ListUserTags(t.Context(), &iam.ListUserTagsInput{UserName: &user})
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range out.Tags {
		if strings.HasPrefix(*tag.Key, "cosi/key/") {
			return *tag.Key, *tag.Value
		}
	}
	return "", ""
}

func (a administrator) setTag(t *testing.T, user, name, value string) {
	t.Helper()
	_, err := a.iam.TagUser(t.Context(), &iam.TagUserInput{UserName: &user, Tags: []types.Tag{{Key: &name, Value: &value}}})
	if err != nil {
		t.Fatal(err)
	}
}

// The sealing key is changed as the README says: the new one first, then the old one goes.
func TestRotation(t *testing.T) {
	t.Parallel()
	ctx, admin := t.Context(), administer(embedded)
	before, after := sealKey(t), sealKey(t)
	s := settings(t, embedded)
	s.Owner = "rotation" // resealing concerns all users of an owner
	s.Sealer = sealer(t, before)
	c := connect(t, s)
	c.create(t, "rotation", nil)
	granted := map[string]string{}
	for _, user := range []string{"ba-rotation-1", "ba-rotation-2"} {
		granted[user] = secretsOf(c.grant(t, "rotation", user, nil).GetCredentials())["accessSecretKey"]
	}

	s.Sealer = sealer(t, after)
	_, err := connect(t, s).tryGrant(ctx, "rotation", "ba-rotation-1", nil)
	expect(t, err, codes.FailedPrecondition, "no key of S3_SEAL_KEY_FILE opens")

	s.Sealer = sealer(t, after, before)
	_, sealed := admin.tag(t, "ba-rotation-1")
	same(t, connect(t, s), granted, "ba-rotation-1")
	if _, now := admin.tag(t, "ba-rotation-1"); now == sealed {
		t.Error("a grant does not seal with the new key")
	}
	for _, want := range []int{1, 0} { // a grant has resealed the other one
		if count, err := driver.Reseal(ctx, s); err != nil || count != want {
			t.Errorf("resealed %d, %v; expected %d", count, err, want)
		}
	}

	s.Sealer = sealer(t, after)
	c = connect(t, s)
	for user := range granted {
		same(t, c, granted, user)
		c.revoke(t, "rotation", user)
	}
	c.delete(t, "rotation", nil)
}

func same(t *testing.T, c caller, granted map[string]string, user string) {
	t.Helper()
	if got := secretsOf(c.grant(t, "rotation", user, nil).GetCredentials())["accessSecretKey"]; got != granted[user] {
		t.Errorf("%s has other credentials now", user)
	}
}

// What is sealed opens for one account and bucket only: nobody can make a user return the key of another.
func TestSealedKeyIsBound(t *testing.T) {
	t.Parallel()
	c, admin := connect(t, settings(t, embedded)), administer(embedded)
	c.create(t, "bound-a", nil)
	c.create(t, "bound-b", nil)
	c.grant(t, "bound-a", "ba-bound-1", nil)
	c.grant(t, "bound-a", "ba-bound-2", nil)
	c.grant(t, "bound-b", "ba-bound-3", nil)
	tag, sealed := admin.tag(t, "ba-bound-1")
	_, otherAccount := admin.tag(t, "ba-bound-2")
	_, otherBucket := admin.tag(t, "ba-bound-3")
	for name, value := range map[string]string{
		"another account's": otherAccount, "another bucket's": otherBucket,
		"changed": "A" + sealed[1:], "cut": sealed[:20], "no base64": "-",
	} {
		if value == sealed {
			value = "B" + sealed[1:]
		}
		admin.setTag(t, "ba-bound-1", tag, value)
		if _, err := c.tryGrant(t.Context(), "bound-a", "ba-bound-1", nil); err == nil {
			t.Errorf("%s: opens", name)
		}
	}
	admin.setTag(t, "ba-bound-1", tag, sealed)
	c.grant(t, "bound-a", "ba-bound-1", nil)
	for bucket, users := range map[string][]string{"bound-a": {"ba-bound-1", "ba-bound-2"}, "bound-b": {"ba-bound-3"}} {
		for _, user := range users {
			c.revoke(t, bucket, user)
		}
		c.delete(t, bucket, nil)
	}
}

// A user who is not ours, or has access to another bucket, is never touched.
func TestForeignUserStays(t *testing.T) {
	t.Parallel()
	ctx, c, admin := t.Context(), connect(t, settings(t, embedded)), administer(embedded)
	c.create(t, "users", nil)
	if _, err := admin.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice")}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("alice")}); err != nil {
		t.Fatal(err)
	}
	_, err := c.tryGrant(ctx, "users", "alice", nil)
	expect(t, err, codes.FailedPrecondition, `user "alice" exists`)
	c.revoke(t, "users", "alice")
	if keys := admin.keys(t, "alice"); len(keys) != 1 {
		t.Errorf("a stranger has %d keys now", len(keys))
	}
	c.grant(t, "users", "ba-users", nil)
	c.revoke(t, "another-bucket", "ba-users")
	if keys := admin.keys(t, "ba-users"); len(keys) != 1 {
		t.Errorf("a revoke for another bucket left %d keys", len(keys))
	}
	_, err = c.tryGrant(ctx, "users", "ba-users", pair("access=readonly"))
	expect(t, err, codes.FailedPrecondition, "was granted readwrite")
	c.create(t, "users-too", nil)
	_, err = c.tryGrant(ctx, "users-too", "ba-users", nil)
	expect(t, err, codes.FailedPrecondition, "has access to another bucket")
	c.revoke(t, "users", "ba-users")
}
