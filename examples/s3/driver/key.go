package driver

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// keptKey is a key as a tag of its user keeps it: IAM shows a secret only while it makes the key.
type keptKey struct {
	tag    string // its name
	turn   string // in which the key was made or taken over
	sealed string
}

func (t *userTags) sort() {
	slices.SortFunc(t.kept, func(a, b keptKey) int { return cmp.Compare(a.tag, b.tag) })
}

// openKept opens a key, and says whether an old sealing key seals it.
func (p *provisioner) openKept(a account, kept keptKey) (k key, old bool, err error) {
	k, old, err = p.settings.Sealer.open(kept.sealed, a.name, a.bucket)
	if err != nil { // another key now would break the application that has the first one
		return key{}, false, status.Errorf(codes.FailedPrecondition, "account %q: %v", a.name, err)
	}
	return k, old, nil
}

// usable opens the first of the kept keys that the store lists.
func (p *provisioner) usable(a account, kept []keptKey, listed []string) (found keptKey, k key, err error) {
	for _, each := range kept {
		opened, _, err := p.openKept(a, each)
		if err != nil {
			return keptKey{}, key{}, err
		}
		if slices.Contains(listed, opened.id) {
			return each, opened, nil
		}
	}
	return keptKey{}, key{}, nil
}

// listKeys returns the ids of the user's keys. A key that was just made may be missing, and one that was deleted be there.
func (p *provisioner) listKeys(ctx context.Context, user string) (ids []string, err error) {
	pages := iam.NewListAccessKeysPaginator(p.iam, &iam.ListAccessKeysInput{UserName: &user})
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

func (p *provisioner) deleteKey(ctx context.Context, user, id string) error {
	_, err := p.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &id})
	return failed("delete a key of the user", unlessGone(err))
}

// deleteLost deletes the keys that were lost on their way to a tag. They were listed before this call took the turn, so
// nobody who took it later has made them.
func (p *provisioner) deleteLost(ctx context.Context, a account, listed []string, kept []keptKey) error {
	known := map[string]bool{}
	for _, each := range kept {
		k, _, err := p.openKept(a, each)
		if err != nil {
			return err
		}
		known[k.id] = true
	}
	for _, id := range listed {
		if known[id] {
			continue
		}
		if err := p.deleteKey(ctx, a.name, id); err != nil {
			return err
		}
	}
	return nil
}

// makeKey makes a key in this call's turn and keeps it. It tries once: the answer to a first try that was lost on its way
// has a key in it.
func (p *provisioner) makeKey(ctx context.Context, a account, turn string, dead []keptKey) (key, error) {
	once := func(o *iam.Options) { o.Retryer = aws.NopRetryer{} }
	out, err := p.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &a.name}, once)
	if err == nil && (out.AccessKey == nil || aws.ToString(out.AccessKey.UserName) != a.name ||
		aws.ToString(out.AccessKey.AccessKeyId) == "" || aws.ToString(out.AccessKey.SecretAccessKey) == "") {
		err = another("user's key")
	}
	if err != nil {
		return key{}, failed("create a key for the user", err)
	}
	k := key{id: aws.ToString(out.AccessKey.AccessKeyId), secret: aws.ToString(out.AccessKey.SecretAccessKey)}
	if len(dead) > 0 {
		alive, err := p.checkDead(ctx, a, k, dead)
		if err != nil || alive != (key{}) {
			return alive, cmp.Or(err, p.deleteKey(ctx, a.name, k.id))
		}
	}
	return k, p.keep(ctx, a, k, turn)
}

// checkDead says whether one of the kept keys is alive after all: a list that shows the newest key is as new as that.
func (p *provisioner) checkDead(ctx context.Context, a account, newest key, dead []keptKey) (alive key, err error) {
	var listed []string
	shown, err := p.pace.await(ctx, func() (bool, error) {
		listed, err = p.listKeys(ctx, a.name)
		return slices.Contains(listed, newest.id), err
	})
	if err != nil {
		return key{}, err
	}
	if !shown {
		return key{}, notShown("the user's newest key")
	}
	_, alive, err = p.usable(a, dead, listed)
	return alive, err
}

// keep seals a key into a tag of the user, where no policy that we grant reaches, and makes sure that it is the one to
// deliver: whoever takes the turn after this sees it. It writes whose the user is too, as some stores drop the tags that a
// user is made with.
func (p *provisioner) keep(ctx context.Context, a account, k key, turn string) error {
	name, value := tagKey+k.id, turn+"@"+p.settings.Sealer.seal(k, a.name, a.bucket)
	if err := checkTagValue(value); err != nil {
		return status.Errorf(codes.Internal, "the store's access keys are too long to be kept in a tag, sealed: %d characters", len(value))
	}
	if _, err := p.iam.TagUser(ctx, &iam.TagUserInput{UserName: &a.name, Tags: append(p.identity(a), tag(name, value))}); err != nil {
		return failed("keep the user's key", err)
	}
	var tags userTags
	shown, err := p.pace.await(ctx, func() (shown bool, err error) {
		tags, err = p.userTags(ctx, a.name)
		return slices.ContainsFunc(tags.kept, func(kept keptKey) bool { return kept.tag == name }), unlessGone(err)
	})
	switch {
	case err != nil:
		return failed("read the user's tags", err)
	case !shown:
		return notShown("the tag that keeps the user's key")
	case tags.turn != turn && tags.turn != "":
		lost := status.Errorf(codes.Aborted, "somebody else makes a key for account %q", a.name)
		return cmp.Or(p.deleteKey(ctx, a.name, k.id), lost)
	}
	return nil
}

// keptID is the id of a kept key, as its tag's name tells it; "" for one that an earlier version kept.
func (k keptKey) keptID() string {
	id, ok := strings.CutPrefix(k.tag, tagKey)
	if !ok {
		return ""
	}
	return id
}
