package driver

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// remove ends an access. It begins with a write whose answer says by itself whether the account had access, as
// reads may be older than the grant: the policy's name holds owner and bucket. No answer of a read alone ends in a success
// while that write says something else, nor while the store refuses to delete the user.
func (i *iamAccounts) remove(ctx context.Context, a account) error {
	if !userName.MatchString(a.name) {
		return nil // no user of IAM's
	}
	had, err := i.deletePolicy(ctx, a.name, policyName(i.owner, a.bucket))
	if err != nil {
		return err
	}
	if had {
		if removed, err := i.removeRecent(ctx, a); removed || err != nil {
			return err
		}
	}
	tags, err := i.userTags(ctx, a.name)
	switch {
	case gone(err):
		return i.deleteUnseen(ctx, a.name)
	case err != nil:
		return failed("read the user's tags", err)
	case i.ours(a, tags):
		return i.deleteAccount(ctx, a, tags)
	case tags.none():
		stranger, err := i.isStranger(ctx, a.name)
		if err != nil {
			return err
		}
		if !stranger {
			return i.deleteUnseen(ctx, a.name)
		}
	}
	if had {
		return notShown("the user's tags")
	}
	return nil // somebody else's, or another bucket's
}

// removeRecent deletes a user of ours by what this process knows of it, and says whether that was all.
func (i *iamAccounts) removeRecent(ctx context.Context, a account) (removed bool, err error) {
	id := i.recent.take(a)
	if id == "" {
		return false, nil
	}
	if err := i.deleteKey(ctx, a.name, id); err != nil {
		return false, err
	}
	conflict, err := i.deleteUser(ctx, a.name)
	return !conflict, err
}

// deletePolicy says whether the user had it.
func (i *iamAccounts) deletePolicy(ctx context.Context, user, policy string) (had bool, err error) {
	_, err = i.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &user, PolicyName: &policy})
	return err == nil, failed("delete the user's policy", unlessGone(err))
}

// deleteUnseen makes sure of a user that the store does not show, or does not show whose it is. The store deletes none that
// has a key or a policy.
func (i *iamAccounts) deleteUnseen(ctx context.Context, user string) error {
	conflict, err := i.deleteUser(ctx, user)
	if conflict {
		return notShown("the user, or whose it is")
	}
	return err
}

// deleteUser says whether the user still has something.
func (i *iamAccounts) deleteUser(ctx context.Context, user string) (conflict bool, err error) {
	_, err = i.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &user})
	if answered(err, "DeleteConflict") {
		return true, nil
	}
	return false, failed("delete user", unlessGone(err))
}

// deleteAccount deletes a user of ours with all that it has. The keys that its tags keep need no list.
func (i *iamAccounts) deleteAccount(ctx context.Context, a account, tags userTags) error {
	for _, name := range slices.Sorted(maps.Keys(tags.sealed())) {
		id, ok := strings.CutPrefix(name, tagKey)
		if !ok { // an earlier version's
			continue
		}
		if err := i.deleteKey(ctx, a.name, id); err != nil {
			return err
		}
	}
	if conflict, err := i.deleteUser(ctx, a.name); !conflict {
		return err
	}
	return i.deleteRest(ctx, a)
}

// oldPolicy is the name of the only policy that an earlier version gave to its users.
const oldPolicy = "cosi"

// deleteRest deletes what no tag told of: keys that were lost on their way to a tag, and what an earlier version made.
func (i *iamAccounts) deleteRest(ctx context.Context, a account) error {
	if _, err := i.deletePolicy(ctx, a.name, oldPolicy); err != nil {
		return err
	}
	listed, err := i.listKeys(ctx, a.name)
	if err != nil {
		return err
	}
	for _, id := range listed {
		if err := i.deleteKey(ctx, a.name, id); err != nil {
			return err
		}
	}
	conflict, err := i.deleteUser(ctx, a.name)
	if !conflict {
		return err
	}
	return i.explainConflict(ctx, a)
}

// explainConflict says why the store does not delete a user of ours.
func (i *iamAccounts) explainConflict(ctx context.Context, a account) error {
	out, err := i.iam.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: &a.name})
	if unlessGone(err) != nil {
		return failed("list the user's policies", err)
	}
	if err == nil {
		for _, name := range out.PolicyNames {
			if !slices.Contains([]string{oldPolicy, policyName(i.owner, a.bucket)}, name) {
				return status.Errorf(codes.FailedPrecondition, "user %q has policy %.80q, which this driver did not give it; remove that first", a.name, name)
			}
		}
	}
	return status.Errorf(codes.Aborted, "the store does not delete user %q: its keys do not show yet, or somebody gave it more than keys and policies, "+
		"such as a group", a.name)
}
