package driver

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// userPath lets an administrator confine the driver's own key to the users that it makes.
const userPath = "/cosi/"

// policyName is the name of the only policy that a user of ours has.
const policyName = "cosi"

// findOrMakeUser returns the sealed key that the user has in its tags; "": none yet. A user without a policy can do
// nothing, so the crash that leaves one harms nobody.
func (p *provisioner) findOrMakeUser(ctx context.Context, a account) (sealed string, err error) {
	_, err = p.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &a.name, Path: aws.String(userPath), Tags: []types.Tag{
		{Key: aws.String(tagOwner), Value: &p.settings.Owner},
		{Key: aws.String(tagBucket), Value: &a.bucket},
		{Key: aws.String(tagAccess), Value: aws.String(string(a.access))},
	}})
	if !answered(err, "EntityAlreadyExists") {
		return "", failed("create user", err)
	}
	tags, err := p.userTags(ctx, a.name)
	if err != nil {
		return "", failed("read the user's tags", err)
	}
	return tags[tagKey], p.checkUser(a, tags)
}

// checkUser refuses a user that is not ours, or has other access than is asked for.
func (p *provisioner) checkUser(a account, tags map[string]string) error {
	switch {
	case tags[tagOwner] != p.settings.Owner:
		return status.Errorf(codes.FailedPrecondition, "user %q exists, without the tag %s=%s by which this driver knows its own",
			a.name, tagOwner, p.settings.Owner)
	case tags[tagBucket] != a.bucket:
		return status.Errorf(codes.FailedPrecondition, "account %q has access to another bucket, %q", a.name, tags[tagBucket])
	case tags[tagAccess] != string(a.access):
		return status.Errorf(codes.FailedPrecondition, "account %q was granted %s", a.name, tags[tagAccess])
	}
	return nil
}

func (p *provisioner) userTags(ctx context.Context, user string) (map[string]string, error) {
	tags := map[string]string{}
	pages := iam.NewListUserTagsPaginator(p.iam, &iam.ListUserTagsInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, tag := range page.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return tags, nil
}

// allow gives the user its policy, as the last step: whoever has access has a key that the driver can return again.
func (p *provisioner) allow(ctx context.Context, a account) error {
	policy, err := a.access.policy(a.bucket)
	if err != nil {
		return err
	}
	_, err = p.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &a.name, PolicyName: aws.String(policyName), PolicyDocument: &policy})
	return failed("put the user's policy", err)
}

// removeUser deletes a user of ours with all that it has.
func (p *provisioner) removeUser(ctx context.Context, a account) error {
	tags, err := p.userTags(ctx, a.name)
	if err != nil {
		return failed("read the user's tags", unlessGone(err))
	}
	if tags[tagOwner] != p.settings.Owner || tags[tagBucket] != a.bucket {
		return nil
	}
	return p.deleteUser(ctx, a.name)
}

// deleteUser deletes the keys first: that ends the access.
func (p *provisioner) deleteUser(ctx context.Context, name string) error {
	if _, err := p.deleteKeys(ctx, name, ""); unlessGone(err) != nil {
		return err
	}
	_, err := p.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: aws.String(policyName)})
	if err := unlessGone(err); err != nil {
		return failed("delete the user's policy", err)
	}
	_, err = p.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name})
	return failed("delete user", unlessGone(err))
}

func gone(err error) bool { return answered(err, "NoSuchEntity") }

// unlessGone takes the error that something is gone for a success.
func unlessGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
