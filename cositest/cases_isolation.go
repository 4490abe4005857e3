package cositest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// isolationCases look whether what belongs to one user stays with him.
func isolationCases() []Case {
	return []Case{
		newCase("ISOLATION-1 secrets", isolationSecrets),
		newCase("ISOLATION-1", needsAccess(isolationBuckets)),
		newCase("ISOLATION-2", needsAccess(isolationAtOnce)),
	}
}

// isolationSecrets compares the secrets for two buckets.
func isolationSecrets(ctx context.Context, t *trial) error {
	_, first, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	other, second, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	third, err := t.access(ctx, other)
	if err != nil {
		return err
	}
	if ownSecret(second, third) != nil {
		return missed("even two accesses to one bucket share a secret, which GRANT-14 reports", ownSecret(second, third))
	}
	return ownSecret(first, second)
}

// isolationBuckets tries the credentials for each of two buckets on the other.
func isolationBuckets(ctx context.Context, t *trial) error {
	first, one, err := t.working(ctx)
	if err != nil {
		return err
	}
	second, two, err := t.working(ctx)
	if err != nil {
		return err
	}
	const or = "the credentials for bucket %s work on bucket %s as well"
	if err := t.barred(ctx, second, one, fmt.Sprintf(or, first.name, second.name)); err != nil {
		return err
	}
	return t.barred(ctx, first, two, fmt.Sprintf(or, second.name, first.name))
}

// rounds is how often grants and revokes meet.
const rounds = 2

// isolationAtOnce revokes two of three accesses to a bucket while two more are granted. There are never more than five: some
// stores keep no more for a bucket.
func isolationAtOnce(ctx context.Context, t *trial) error {
	if err := cmp.Or(t.plainAccess(ctx), untroubled("REVOKE-3", revokeWorks(ctx, t))); err != nil {
		return err
	}
	for range rounds {
		if err := t.meet(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) meet(ctx context.Context) error {
	b, kept, err := t.working(ctx)
	if err != nil {
		return err
	}
	ended, fresh := make([]access, 2), make([]access, 2)
	for i := range ended {
		if ended[i], err = t.access(ctx, b); err != nil {
			return err
		}
		if err := missed("the credentials do not work before the revoke", t.use(ctx, b, ended[i], "the store refuses them")); err != nil {
			return err
		}
	}
	for i, err := range atOnce(len(ended)+len(fresh), func(i int) (err error) {
		if i < len(ended) {
			return t.revoke(ctx, revokeRequest(b, ended[i]))
		}
		fresh[i-len(ended)], err = t.access(ctx, b)
		return err
	}) {
		if err != nil {
			return fmt.Errorf("call %d of revokes and grants at once fails: %w", i+1, err)
		}
	}
	for _, a := range ended {
		if err := t.barred(ctx, b, a, "revoked while others were granted, the credentials of "+a.name+" still work"); err != nil {
			return err
		}
	}
	for _, a := range slices.Concat(fresh, []access{kept}) {
		if err := t.use(ctx, b, a, "after revokes and grants at once, the credentials of "+a.name+" do not work"); err != nil {
			return err
		}
	}
	return nil
}
