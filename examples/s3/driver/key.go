package driver

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// keptKey is a key that a tag of its user keeps: IAM shows a secret only while it makes the key.
type keptKey struct {
	key
	tag  string // its name
	dead bool   // by another tag: it must not be delivered
	old  bool   // another sealing key than the first one seals it
}

// sealed returns the names and values of the tags that keep keys.
func (t userTags) sealed() map[string]string {
	found := maps.Clone(t)
	maps.DeleteFunc(found, func(name, _ string) bool { return name != tagOldKey && !strings.HasPrefix(name, tagKey) })
	return found
}

// openKept opens the keys that a user's tags keep, in the order of their names.
func (i *iamAccounts) openKept(a account, tags userTags) (keys []keptKey, err error) {
	sealed := tags.sealed()
	for _, name := range slices.Sorted(maps.Keys(sealed)) {
		k, old, err := i.sealer.open(sealed[name], a.name, a.bucket)
		if err == nil && name != tagOldKey && name != tagKey+k.id {
			err = errSealed // moved there
		}
		if err != nil { // another key now would break the application that has the first one
			return nil, status.Errorf(codes.FailedPrecondition, "account %q: %v", a.name, err)
		}
		keys = append(keys, keptKey{key: k, tag: name, dead: tags.dead(k.id), old: old})
	}
	return keys, nil
}

// usable returns the first key that may be delivered and that the store lists; none: a zero one.
func usable(keys []keptKey, listed []string) keptKey {
	for _, k := range keys {
		if !k.dead && slices.Contains(listed, k.id) {
			return k
		}
	}
	return keptKey{}
}

// listKeys returns the ids of the user's keys. A key that was just made may be missing, and one that was deleted be there.
func (i *iamAccounts) listKeys(ctx context.Context, user string) (ids []string, err error) {
	pages := iam.NewListAccessKeysPaginator(i.iam, &iam.ListAccessKeysInput{UserName: &user})
	for n := 0; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed("list the user's keys", err)
		}
		if n == mostPages {
			return nil, endless("keys")
		}
		for _, k := range page.AccessKeyMetadata {
			ids = append(ids, aws.ToString(k.AccessKeyId))
		}
	}
	return ids, nil
}

func (i *iamAccounts) deleteKey(ctx context.Context, user, id string) error {
	_, err := i.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &id})
	return failed("delete a key of the user", unlessGone(err))
}

// makeKey makes a key and keeps it, unless one of those that the store did not list is alive after all.
func (i *iamAccounts) makeKey(ctx context.Context, a account, missing []keptKey) (key, error) {
	k, err := i.createKey(ctx, a.name)
	if err != nil {
		return key{}, err
	}
	if len(missing) > 0 {
		alive, err := i.checkDead(ctx, a.name, k, missing)
		if err != nil || alive != (key{}) {
			return alive, cmp.Or(err, i.deleteKey(ctx, a.name, k.id)) // nobody knows it yet
		}
	}
	return k, i.keep(ctx, a, k, missing)
}

// createKey tries once: the answer to a first try that was lost on its way has a key in it.
func (i *iamAccounts) createKey(ctx context.Context, user string) (key, error) {
	once := func(o *iam.Options) { o.Retryer = aws.NopRetryer{} }
	out, err := i.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &user}, once)
	if err != nil {
		return key{}, failed("create a key for the user", err)
	}
	made := out.AccessKey
	if made == nil || aws.ToString(made.UserName) != user || aws.ToString(made.AccessKeyId) == "" || aws.ToString(made.SecretAccessKey) == "" {
		return key{}, failed("create a key for the user", another("key"))
	}
	return key{id: *made.AccessKeyId, secret: *made.SecretAccessKey}, nil
}

// keep seals a key into a tag of the user, where no policy that we grant reaches, and makes sure that it may be delivered.
// Others may deliver it as soon as that was asked for, so it stays whatever the answer is. It writes whose the user is too,
// as some stores drop the tags that a user is made with.
func (i *iamAccounts) keep(ctx context.Context, a account, k key, dead []keptKey) error {
	sealed := i.sealer.seal(k, a.name, a.bucket)
	if err := checkTagValue(sealed); err != nil {
		return status.Errorf(codes.Internal, "the store's access keys are too long to be kept in a tag, sealed: %d characters", len(sealed))
	}
	tags := append(i.identity(a), tag(tagKey+k.id, sealed))
	for _, each := range dead {
		tags = append(tags, tag(tagDead+each.id+"/"+isGone, isDead))
	}
	now, err := i.fence(ctx, a.name, tags)
	if err == nil && now.dead(k.id) {
		err = somebodyElse(a.name)
	}
	return err
}

// resealOld seals a kept key anew, in its tag, if it was sealed with another key than the first.
func (i *iamAccounts) resealOld(ctx context.Context, a account, kept keptKey) error {
	if !kept.old {
		return nil
	}
	_, err := i.iam.TagUser(ctx, &iam.TagUserInput{
		UserName: &a.name, Tags: []types.Tag{tag(kept.tag, i.sealer.seal(kept.key, a.name, a.bucket))},
	})
	return failed("seal the user's key anew", unlessGone(err))
}
