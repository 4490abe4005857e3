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

// What IAM of AWS shows may be older than what was written, and two drivers may work on one account when a cluster takes the
// first one for dead. But the writes of one user's tags come one after the other, and an answer shows them as they were at
// one moment. So a driver that must know what is not there writes a tag, and waits until it sees it: what comes with it is
// as new as that.
//
// A key is delivered only if one answer shows the tag that keeps it, and none that says it is dead. A key that nobody kept
// is deleted only after it was tagged as dead, and an answer that shows this tag does not show that it is kept. Whichever of
// the two tags is written first, the other side sees it: a key that was delivered is never deleted by a grant.

// fence writes tags of a user, and returns all of them as they are since.
func (i *iamAccounts) fence(ctx context.Context, user string, tags []types.Tag) (now userTags, err error) {
	if _, err := i.iam.TagUser(ctx, &iam.TagUserInput{UserName: &user, Tags: tags}); err != nil {
		return nil, failed("tag the user", err)
	}
	shown, err := i.pace.await(ctx, func() (bool, error) {
		now, err = i.userTags(ctx, user)
		return now.shows(tags), unlessGone(err)
	})
	if err == nil && !shown {
		err = notShown("the tags that the driver gave the user")
	}
	return now, failed("read the user's tags", err)
}

// deleteLost deletes keys that were lost on their way to a tag. Each call has tombstones of its own, and takes back what
// turns out to be of no use, so that the key can be delivered.
func (i *iamAccounts) deleteLost(ctx context.Context, user string, lost []string) error {
	if len(lost) == 0 {
		return nil
	}
	mine := "/" + newFence()[:8]
	var dead, void []types.Tag
	for _, id := range lost {
		dead = append(dead, tag(tagDead+id+mine, isDead))
	}
	tags, err := i.fence(ctx, user, dead)
	if err != nil {
		return err
	}
	for _, id := range lost {
		if _, kept := tags[tagKey+id]; kept {
			void = append(void, tag(tagDead+id+mine, "void"))
		} else if err := i.deleteKey(ctx, user, id); err != nil {
			return err
		}
	}
	if len(void) == 0 {
		return nil
	}
	_, err = i.iam.TagUser(ctx, &iam.TagUserInput{UserName: &user, Tags: void})
	return cmp.Or(failed("take back tags of the user", err), somebodyElse(user))
}

// isDead is what a tombstone says. The name of one for a key that is known to be gone ends in isGone.
const (
	isDead = "dead"
	isGone = "gone"
)

// dead says whether a tombstone lies on a key.
func (t userTags) dead(id string) bool {
	for name, value := range t {
		if value == isDead && strings.HasPrefix(name, tagDead+id+"/") {
			return true
		}
	}
	return false
}

// manyTags is how many tags a user may have before the driver removes some. IAM keeps 50.
const manyTags = 30

// forget removes the tags that are of no use any more, once there are many: each key that was lost leaves a tombstone, and a
// driver that is killed again and again leaves many.
func (i *iamAccounts) forget(ctx context.Context, user string, tags userTags, listed []string) error {
	if len(tags) <= manyTags {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		key, ok := strings.CutPrefix(name, tagDead)
		id, word, _ := strings.Cut(key, "/")
		if !ok || slices.Contains(listed, id) && tags[name] == isDead {
			continue
		}
		_, kept := tags[tagKey+id]
		if kept && word == isGone {
			names = append(names, tagKey+id)
		}
		if !kept || word == isGone || tags[name] != isDead {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	_, err := i.iam.UntagUser(ctx, &iam.UntagUserInput{UserName: &user, TagKeys: names})
	return failed("remove old tags of the user", err)
}

// somebodyElse is the answer to a call that finds another one at work.
func somebodyElse(user string) error {
	return status.Errorf(codes.Aborted, "somebody else makes a key for account %q", user)
}

// checkDead says whether one of the keys that the store did not list is alive after all: a list that shows the newest key
// is as new as that.
func (i *iamAccounts) checkDead(ctx context.Context, user string, newest key, missing []keptKey) (alive key, err error) {
	var listed []string
	shown, err := i.pace.await(ctx, func() (bool, error) {
		listed, err = i.listKeys(ctx, user)
		return slices.Contains(listed, newest.id), err
	})
	if err == nil && !shown {
		err = notShown("the user's newest key")
	}
	if err != nil {
		return key{}, err
	}
	return usable(missing, listed).key, nil
}

// notShown is the answer to a call that would have to guess. The next one decides.
func notShown(what string) error {
	return status.Errorf(codes.Aborted, "the store does not show %s yet", what)
}

// isStranger asks who made a user that has no tags of ours: all of the driver's users have its path from their first
// moment, so one with the path only does not show its tags yet.
func (i *iamAccounts) isStranger(ctx context.Context, user string) (bool, error) {
	out, err := i.iam.GetUser(ctx, &iam.GetUserInput{UserName: &user})
	if gone(err) {
		return false, nil
	}
	if err == nil && (out.User == nil || aws.ToString(out.User.UserName) != user) {
		err = another("user")
	}
	return err == nil && aws.ToString(out.User.Path) != userPath, failed("look at the user", err)
}
