package driver

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// userPath lets an administrator confine the driver's own key to the users that it makes.
const userPath = "/cosi/"

// userTags is what a user's tags say, all of them read at one moment.
type userTags map[string]string

func (t userTags) owner() string  { return t[tagOwner] }
func (t userTags) bucket() string { return t[tagBucket] }

// none says that there are no tags of ours at all.
func (t userTags) none() bool {
	for name := range t {
		if strings.HasPrefix(name, tagPrefix) {
			return false
		}
	}
	return true
}

// shows says whether it has all of these tags.
func (t userTags) shows(tags []types.Tag) bool {
	return !slices.ContainsFunc(tags, func(tag types.Tag) bool { return t[*tag.Key] != *tag.Value })
}

// makeUser makes the user with all that is known of it, unless it exists. A user without a policy can do nothing, so the
// crash that leaves one harms nobody.
func (i *iamAccounts) makeUser(ctx context.Context, a account, fence string) (made bool, err error) {
	out, err := i.iam.CreateUser(ctx, &iam.CreateUserInput{
		UserName: &a.name, Path: aws.String(userPath), Tags: append(i.identity(a), tag(tagFence, fence)),
	})
	if answered(err, "EntityAlreadyExists") {
		return false, nil
	}
	switch {
	case err != nil:
	case out.User == nil || aws.ToString(out.User.UserName) != a.name:
		err = another("user")
	case aws.ToString(out.User.Path) != userPath: // a store that drops the path drops the tags
		_, err = i.fence(ctx, a.name, i.identity(a))
	}
	return err == nil, failed("create user", err)
}

// another is the answer to a request for something else.
func another(what string) error {
	return status.Error(codes.Unavailable, "not the store's answer: it is about another "+what+" than was asked for")
}

// identity is what tells whose a user is.
func (i *iamAccounts) identity(a account) []types.Tag {
	return []types.Tag{tag(tagOwner, i.owner), tag(tagBucket, a.bucket), tag(tagAccess, string(a.access))}
}

func tag(name, value string) types.Tag { return types.Tag{Key: &name, Value: &value} }

// newFence is a value that no other call has.
func newFence() string { return rand.Text() }

// checkUser refuses a user that is not ours, or has other access than is asked for.
func (i *iamAccounts) checkUser(a account, tags userTags) error {
	bucket, access := tags.bucket(), tags[tagAccess]
	switch {
	case tags.owner() != i.owner && !i.ours(a, tags):
		return status.Errorf(codes.FailedPrecondition, "user %q exists, without the tag %s=%s by which this driver knows its own",
			a.name, tagOwner, i.owner)
	case bucket != "" && bucket != a.bucket:
		return status.Errorf(codes.FailedPrecondition, "account %q has access to another bucket, %q", a.name, bucket)
	case access != "" && access != string(a.access):
		return status.Errorf(codes.FailedPrecondition, "account %q was granted %s", a.name, access)
	}
	return nil
}

// ours says whether the account is this driver's, for that bucket: by its tags or, on a store that drops the tags of a new
// user, by a key that only this driver can have sealed for it.
func (i *iamAccounts) ours(a account, tags userTags) bool {
	if tags.owner() != "" {
		return tags.owner() == i.owner && tags.bucket() == a.bucket
	}
	for _, sealed := range tags.sealed() {
		if _, _, err := i.sealer.open(sealed, a.name, a.bucket); err == nil {
			return true
		}
	}
	return false
}

// mostPages is how many pages the driver reads of what one user has. IAM keeps 50 tags and 2 keys.
const mostPages = 50

func (i *iamAccounts) userTags(ctx context.Context, user string) (userTags, error) {
	found := userTags{}
	pages := iam.NewListUserTagsPaginator(i.iam, &iam.ListUserTagsInput{UserName: &user})
	for n := 0; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if n == mostPages {
			return nil, endless("tags")
		}
		for _, tag := range page.Tags {
			found[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return found, nil
}

func endless(what string) error {
	return status.Errorf(codes.Unavailable, "not the store's answer: the list of the user's %s has more than %d pages", what, mostPages)
}

// allow gives the user its policy, as the last step: whoever has access has a key that the driver can return again.
func (i *iamAccounts) allow(ctx context.Context, a account, _ key) error {
	return putPolicy(ctx, i.iam, a.name, policyName(i.owner, a.bucket), a)
}

func gone(err error) bool { return answered(err, noEntity) }

// unlessGone takes the error that something is gone for a success.
func unlessGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
