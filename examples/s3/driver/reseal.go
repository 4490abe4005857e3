package driver

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// Reseal seals every kept key with the first of the sealing keys, so that the others may go, and returns how many were
// sealed by another one. It can be repeated, and run beside the driver.
func Reseal(ctx context.Context, settings Settings) (count int, err error) {
	p := newProvisioner(settings)
	pages := iam.NewListUsersPaginator(p.iam, &iam.ListUsersInput{PathPrefix: aws.String(userPath)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return count, fmt.Errorf("list users: %w", err)
		}
		for _, user := range page.Users {
			resealed, err := p.reseal(ctx, aws.ToString(user.UserName))
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
func (p *provisioner) reseal(ctx context.Context, user string) (resealed bool, err error) {
	tags, err := p.userTags(ctx, user)
	if err != nil || tags.owner() != p.settings.Owner {
		return false, unlessGone(err)
	}
	a := account{name: user, bucket: tags.bucket()}
	kept, err := p.openKept(a, tags)
	if err != nil {
		return false, err
	}
	for _, k := range kept {
		if err := p.resealOld(ctx, a, k); err != nil {
			return false, err
		}
		resealed = resealed || k.old
	}
	return resealed, nil
}
