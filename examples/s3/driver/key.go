package driver

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// findOrMakeKey returns the user's one key. IAM shows a secret only while it makes the key, so it is kept, sealed, in a
// tag of the user. A key that is not the kept one was lost on its way there: it is deleted before another one is made.
func (p *provisioner) findOrMakeKey(ctx context.Context, a account, sealed string) (key, error) {
	kept, old, err := p.openKept(a, sealed)
	if err != nil {
		return key{}, err
	}
	found, err := p.deleteKeys(ctx, a.name, kept.id)
	if err != nil {
		return key{}, err
	}
	switch {
	case !found:
		return p.makeKey(ctx, a)
	case old:
		return kept, p.keep(ctx, a, kept)
	}
	return kept, nil
}

// openKept returns the key that is kept, and says whether an old key seals it; nothing kept gives no key.
func (p *provisioner) openKept(a account, sealed string) (kept key, old bool, err error) {
	if sealed == "" {
		return key{}, false, nil
	}
	kept, old, err = p.settings.Sealer.open(sealed, a.name, a.bucket)
	if err != nil { // another key now would break the application that has the first one
		return key{}, false, status.Errorf(codes.FailedPrecondition, "account %q: %v", a.name, err)
	}
	return kept, old, nil
}

// deleteKeys deletes the user's keys but one, and says whether it found that.
func (p *provisioner) deleteKeys(ctx context.Context, user, except string) (found bool, err error) {
	pages := iam.NewListAccessKeysPaginator(p.iam, &iam.ListAccessKeysInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, failed("list the user's keys", err)
		}
		for _, k := range page.AccessKeyMetadata {
			if aws.ToString(k.AccessKeyId) == except {
				found = true
			} else if err := p.deleteKey(ctx, user, k.AccessKeyId); err != nil {
				return false, err
			}
		}
	}
	return found, nil
}

func (p *provisioner) deleteKey(ctx context.Context, user string, id *string) error {
	_, err := p.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: id})
	return failed("delete a key of the user", unlessGone(err))
}

// makeKey makes a key and keeps it. It tries once: the answer to a first try that was lost on its way has a key in it.
func (p *provisioner) makeKey(ctx context.Context, a account) (key, error) {
	once := func(o *iam.Options) { o.Retryer = aws.NopRetryer{} }
	out, err := p.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &a.name}, once)
	if err != nil {
		return key{}, failed("create a key for the user", err)
	}
	k := key{id: aws.ToString(out.AccessKey.AccessKeyId), secret: aws.ToString(out.AccessKey.SecretAccessKey)}
	return k, p.keep(ctx, a, k)
}

// keep seals a key into the user's tag, where no policy that we grant reaches.
func (p *provisioner) keep(ctx context.Context, a account, k key) error {
	sealed := p.settings.Sealer.seal(k, a.name, a.bucket)
	if err := checkTagValue(sealed); err != nil {
		return status.Errorf(codes.Internal, "the store's access keys are too long to be kept in a tag, sealed: %d characters", len(sealed))
	}
	_, err := p.iam.TagUser(ctx, &iam.TagUserInput{UserName: &a.name, Tags: []types.Tag{{Key: aws.String(tagKey), Value: &sealed}}})
	return failed("keep the user's key", err)
}
