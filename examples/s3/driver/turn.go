package driver

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// On AWS, what IAM shows may be older than what was written, and two drivers may work on one account when a cluster takes
// the first one for dead. So a call that would make or delete keys takes the turn: it writes a tag of its own, and waits
// until it sees it. What the store shows then is as new as that, and whoever took the turn earlier sees that it has lost it.
//
// A key is delivered only if the tag that keeps it names the turn that the store shows beside it.

// confirmed returns the keys that were made or taken over in the turn that the tags show. On a store that drops the tags of
// a new user nobody may have taken a turn.
func (t userTags) confirmed() (keys []keptKey) {
	for _, kept := range t.kept {
		if t.turn == "" || kept.turn == t.turn {
			keys = append(keys, kept)
		}
	}
	return keys
}

// takeTurn returns what the user has since this call took the turn. It takes over the keys that are kept, in the same write.
func (p *provisioner) takeTurn(ctx context.Context, a account, turn string, before userTags) (now userTags, err error) {
	tags := []types.Tag{tag(tagTurn, turn)}
	for _, kept := range before.kept {
		if kept.tag != tagOldKey {
			tags = append(tags, tag(kept.tag, turn+"@"+kept.sealed))
		}
	}
	if _, err := p.iam.TagUser(ctx, &iam.TagUserInput{UserName: &a.name, Tags: tags}); err != nil {
		return userTags{}, failed("take the turn for the user", err)
	}
	shown, err := p.pace.await(ctx, func() (bool, error) {
		now, err = p.userTags(ctx, a.name)
		return now.turn == turn, unlessGone(err)
	})
	if err != nil {
		return userTags{}, failed("read the user's tags", err)
	}
	if !shown {
		return userTags{}, notShown("the driver's own tag of the user")
	}
	for _, kept := range now.kept {
		if kept.turn != turn && kept.tag != tagOldKey { // it was made meanwhile
			return userTags{}, status.Errorf(codes.Aborted, "somebody else makes a key for account %q", a.name)
		}
	}
	return now, nil
}

// notShown is the answer to a call that would have to guess. The next one decides.
func notShown(what string) error {
	return status.Errorf(codes.Aborted, "the store does not show %s yet", what)
}
