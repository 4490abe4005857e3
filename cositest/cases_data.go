package cositest

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
)

// dataCases use the credentials on the store: two of them do so only if there is a hook for it.
func dataCases() []Case {
	return []Case{
		newCase("CREATE-11", needsAccess(createNamed), grantable()...),
		newCase("DELETE-6", needsAccess(deleteFull), extend(grantable(), "CREATE-11")...),
		newCase("GRANT-15", grantAtOnce, extend(grantable(), "GRANT-14", "CREATE-11")...),
		newCase("REVOKE-3", needsAccess(revokeWorks), extend(revocable(), "GRANT-14", "CREATE-11")...),
		newCase("REVOKE-8", revokeGrant, extend(revocable(), "CREATE-11")...),
	}
}

// needsAccess skips a case when there is no hook to use credentials with.
func needsAccess(run func(context.Context, *trial) error) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if t.cfg.Access == nil {
			return skipError("needs the hook Access")
		}
		return run(ctx, t)
	}
}

// createNamed uses the credentials on the bucket by its name, as an application does.
func createNamed(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	if err := t.use(ctx, b, a.credentials); err != nil {
		return fmt.Errorf("no object can be put into a bucket named %s: %w", b.name, err)
	}
	return nil
}

func deleteFull(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	use := Use{BucketName: b.name, BucketID: b.id, Credentials: a.credentials, Keep: true}
	if err := t.cfg.Access(ctx, use); err != nil {
		return missed("an object cannot be put", err)
	}
	err = t.remove(ctx, b.id)
	use.Keep = false
	if cleared := t.cfg.Access(ctx, use); cleared != nil && err != nil {
		return missed("the object cannot be removed again", cleared)
	}
	return refused("a bucket that is not empty", err, codes.FailedPrecondition)
}

// grantAtOnce grants many accesses to one bucket side by side: all of them must work.
func grantAtOnce(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	all := make([]access, t.cfg.Parallel)
	for i, err := range atOnce(t.cfg.Parallel, func(i int) error {
		request := t.request(b, accountName())
		return t.patiently(ctx, func() error {
			response, err := t.give(ctx, request)
			all[i] = access{request.GetName(), response.GetAccountId(), response.GetCredentials()}
			return err
		})
	}) {
		if err != nil {
			return fmt.Errorf("grant %d of %d at once is refused: %w", i+1, t.cfg.Parallel, err)
		}
	}
	owner := map[string]string{}
	for _, a := range all {
		if other, taken := owner[a.account]; taken {
			return fmt.Errorf("granted at once, %s and %s have the same account_id %q", other, a.name, a.account)
		}
		owner[a.account] = a.name
		if t.cfg.Access == nil {
			continue
		}
		if err := t.use(ctx, b, a.credentials); err != nil {
			return fmt.Errorf("granted at once, the credentials of %s do not work: %w", a.name, err)
		}
	}
	return nil
}

// revokeWorks looks whether credentials that work stop working, and those of another account go on.
func revokeWorks(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	other, err := t.access(ctx, b)
	if err != nil {
		return err
	}
	for _, each := range []access{a, other} {
		if err := t.use(ctx, b, each.credentials); err != nil {
			return missed("the credentials do not work before the revoke", err)
		}
	}
	if err := t.revoke(ctx, revokeRequest(b, a)); err != nil {
		return missed("the access cannot be revoked", err)
	}
	if t.use(ctx, b, a.credentials) == nil {
		return errors.New("the credentials work after the revoke")
	}
	if err := t.use(ctx, b, other.credentials); err != nil {
		return fmt.Errorf("the credentials of another account stopped working: %w", err)
	}
	return nil
}

func revokeGrant(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	if err := t.revoke(ctx, revokeRequest(b, a)); err != nil {
		return missed("the access cannot be revoked", err)
	}
	response, err := t.give(ctx, t.request(b, a.name))
	if err != nil {
		return granted("a grant after the revoke", err)
	}
	if t.cfg.Access == nil {
		return nil
	}
	if err := t.use(ctx, b, response.GetCredentials()); err != nil {
		return fmt.Errorf("the credentials of a grant after the revoke do not work: %w", err)
	}
	return nil
}
