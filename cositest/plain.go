package cositest

import (
	"context"
	"errors"
)

// Cases that are about trouble, such as calls at once or cut short, first do the same without the trouble: what fails then
// is another rule's to report.

// untroubled is what a case about trouble says when the same fails without it; by names the case that reports that.
func untroubled(by string, err error) error {
	if told, ok := errors.AsType[missedError](err); ok { // which says itself what does not work
		return told
	}
	what := "the same without any trouble fails already"
	if by != "" {
		what += ", which " + by + " reports"
	}
	return missed(what, err)
}

// plainBucket takes one bucket through its life, with repeats.
func (t *trial) plainBucket(ctx context.Context) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	if err := untroubled("CREATE-3", t.sameBucket(ctx, b)); err != nil {
		return err
	}
	for range 2 {
		err := accepted("a delete", t.remove(ctx, b.id))
		if unsupported(err) {
			return nil // the rest can be told without a delete
		}
		if err != nil {
			return untroubled("DELETE-2", err)
		}
	}
	_, err = t.createBucket(ctx, b.name, t.cfg.BucketParameters)
	return untroubled("", accepted("a create after a delete", err))
}

// revokes names the cases that report a plain revoke: of one that needs revoke_access_context, and of any other.
const revokes = "REVOKE-4 or REVOKE-5"

// plainRevoke revokes one access.
func (t *trial) plainRevoke(ctx context.Context) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	return untroubled(revokes, accepted("a revoke", t.revoke(ctx, revokeRequest(b, a))))
}

// plainEnd ends one access, where a hook shows that its credentials work, and then do not.
func (t *trial) plainEnd(ctx context.Context) error {
	if t.cfg.Access == nil {
		return nil
	}
	err := revokeWorks(ctx, t)
	if err == nil || undecided(err) {
		return err
	}
	return untroubled("REVOKE-3", err)
}

// plainAccess takes one access through its life, with repeats.
func (t *trial) plainAccess(ctx context.Context) error {
	request, first, err := t.answer(ctx)
	if err != nil {
		return err
	}
	b := bucket{id: request.GetBucketId()}
	a := access{request.GetName(), first.GetAccountId(), first.GetCredentials()}
	if a.account == "" {
		return missed("access cannot be revoked", errors.New("account_id is empty, which GRANT-6 reports"))
	}
	again, err := t.give(ctx, request)
	if err == nil {
		err = t.sameGrant(first, again)
	}
	if err != nil {
		return untroubled("GRANT-5", err)
	}
	for range 2 {
		if err := accepted("a revoke", t.revoke(ctx, revokeRequest(b, a))); err != nil {
			return untroubled(revokes, err)
		}
	}
	return nil
}
