package driver

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// Reseal seals every kept key with the first of the sealing keys, so that the others may go, and returns how many were
// sealed by another one. It can be repeated, and run next to the driver.
func Reseal(ctx context.Context, settings Settings) (count int, err error) {
	if settings.Store == Ceph {
		return 0, fmt.Errorf("%s=%s keeps no secrets: the store shows them again", EnvStore, Ceph)
	}
	i := newIAMAccounts(settings.connected())
	pages := iam.NewListUsersPaginator(i.iam, &iam.ListUsersInput{PathPrefix: aws.String(userPath)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return count, fmt.Errorf("list users: %w", err)
		}
		for _, user := range page.Users {
			resealed, err := i.reseal(ctx, aws.ToString(user.UserName))
			if err != nil {
				return count, fmt.Errorf("user %q: %w", aws.ToString(user.UserName), err)
			}
			if resealed {
				count++
			}
		}
	}
	return count, nil
}

// reseal leaves users alone that are not ours, have no key yet, or are gone by now.
func (i *iamAccounts) reseal(ctx context.Context, user string) (resealed bool, err error) {
	tags, err := i.userTags(ctx, user)
	if err != nil || tags.owner() != i.owner {
		return false, unlessGone(err)
	}
	a := account{name: user, bucket: tags.bucket()}
	kept, err := i.openKept(a, tags)
	if err != nil {
		return false, err
	}
	for _, k := range kept {
		if err := i.resealOld(ctx, a, k); err != nil {
			return false, err
		}
		resealed = resealed || k.old
	}
	return resealed, nil
}
