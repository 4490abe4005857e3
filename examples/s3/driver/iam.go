package driver

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// iamAccounts makes accounts of IAM's users, as AWS has them: a user with tags, one key and one policy. What it must
// remember lies in the user's tags.
type iamAccounts struct {
	iam    *iam.Client
	pace   pace
	owner  string
	sealer *Sealer
	recent recentKeys
}

func newIAMAccounts(settings Settings) *iamAccounts {
	return &iamAccounts{iam: newIAM(settings), pace: settings.bounds(), owner: settings.Owner, sealer: settings.Sealer}
}

// check refuses nothing more than every kind of store does.
func (*iamAccounts) check(string) error { return nil }

// id is the user's name.
func (*iamAccounts) id(a account) string { return a.name }

// ready asks for something small, with the driver's own key.
func (i *iamAccounts) ready(ctx context.Context) error {
	_, err := i.iam.ListUsers(ctx, &iam.ListUsersInput{PathPrefix: aws.String(userPath), MaxItems: aws.Int32(1)})
	if answered(err, "MethodNotAllowed", "NotImplemented") {
		return status.Errorf(codes.FailedPrecondition, "the store has no users like IAM's; if it is Ceph, set %s=%s", EnvStore, Ceph)
	}
	return failed("list users", err)
}
