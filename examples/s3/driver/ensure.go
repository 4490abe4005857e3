package driver

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (i *iamAccounts) ensure(ctx context.Context, a account) (key, error) {
	k, err := i.findOrMakeKey(ctx, a)
	if err == nil {
		i.recent.add(a, k.id)
	}
	return k, err
}

// findOrMakeKey takes its steps in this order: each can be the last one that happens, and the next call goes on from there.
func (i *iamAccounts) findOrMakeKey(ctx context.Context, a account) (key, error) {
	fence := newFence()
	made, err := i.makeUser(ctx, a, fence)
	if err != nil {
		return key{}, err
	}
	if made {
		return i.makeKey(ctx, a, nil)
	}
	tags, err := i.tagsOfAccount(ctx, a)
	if err != nil {
		return key{}, err
	}
	kept, err := i.openKept(a, tags)
	if err != nil {
		return key{}, err
	}
	if len(kept) == 0 && tags[tagFence] == fence { // this call made it, and the first answer was lost
		return i.makeKey(ctx, a, nil)
	}
	listed, err := i.listKeys(ctx, a.name)
	if err != nil {
		return key{}, err
	}
	if k := usable(kept, listed); k.id != "" {
		return k.key, i.resealOld(ctx, a, k)
	}
	return i.replaceKey(ctx, a, fence, listed)
}

// removeShell removes a user that nothing tells whose it is, if nothing belongs to it: on a store that drops tags and path of a
// new user, a crash leaves such a one. The store deletes no user that has anything.
func (i *iamAccounts) removeShell(ctx context.Context, user string) error {
	conflict, err := i.deleteUser(ctx, user)
	if err == nil && !conflict {
		err = status.Errorf(codes.Aborted, "user %q existed, without tags and without anything of its own; it was removed", user)
	}
	return err
}

// replaceKey makes another key for a user that shows none which could be delivered, or finds that there is one after all.
// A key that no tag keeps was lost on its way there: it is deleted before.
func (i *iamAccounts) replaceKey(ctx context.Context, a account, fence string, listed []string) (key, error) {
	tags, err := i.fence(ctx, a.name, []types.Tag{tag(tagFence, fence)})
	if err == nil {
		err = cmp.Or(i.checkUser(a, tags), i.forget(ctx, a.name, tags, listed))
	}
	if err != nil {
		return key{}, err
	}
	kept, err := i.openKept(a, tags)
	if err != nil {
		return key{}, err
	}
	if k := usable(kept, listed); k.id != "" {
		return k.key, nil
	}
	isKept := func(id string) bool { return slices.ContainsFunc(kept, func(k keptKey) bool { return k.id == id }) }
	if err := i.deleteLost(ctx, a.name, slices.DeleteFunc(listed, isKept)); err != nil {
		return key{}, err
	}
	return i.makeKey(ctx, a, slices.DeleteFunc(kept, func(k keptKey) bool { return k.dead }))
}

// tagsOfAccount reads the tags of a user that exists, and refuses one that is not ours or was granted something else.
func (i *iamAccounts) tagsOfAccount(ctx context.Context, a account) (userTags, error) {
	tags, err := i.userTags(ctx, a.name)
	switch {
	case gone(err): // and yet it exists
		return nil, notShown("the user")
	case err != nil:
		return nil, failed("read the user's tags", err)
	case tags.none():
		stranger, err := i.isStranger(ctx, a.name)
		if err == nil && !stranger {
			err = notShown("the user's tags")
		}
		if err == nil {
			err = i.removeShell(ctx, a.name)
		}
		if err == nil { // it may have got its tags meanwhile
			tags, err = i.userTags(ctx, a.name)
		}
		if err != nil {
			return nil, failed("read the user's tags", err)
		}
	}
	return tags, i.checkUser(a, tags)
}
