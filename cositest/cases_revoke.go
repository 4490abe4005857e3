package cositest

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

func revokeCases() []Case {
	return []Case{
		newCase("REVOKE-1", revokeNoBucket, granted()...),
		newCase("REVOKE-2", revokeNoAccount, granted()...),
		newCase("REVOKE-4", revokeTwice, granted()...),
		newCase("REVOKE-3", revokeWorks, after(granted(), "REVOKE-4")...),
		newCase("REVOKE-5", revokeContext, after(granted(), "REVOKE-4")...),
		newCase("REVOKE-6", revokeForeign, "INFO-1"),
		newCase("REVOKE-7", revokeAfterDelete, after(granted(), "REVOKE-4", "DELETE-2")...),
		newCase("REVOKE-8", revokeGrant, after(granted(), "REVOKE-4")...),
	}
}

func revokeRequest(b bucket, a access) *cosi.DriverRevokeBucketAccessRequest {
	return &cosi.DriverRevokeBucketAccessRequest{BucketId: b.id, AccountId: a.account}
}

func revokeNoBucket(ctx context.Context, t *trial) error {
	_, a, err := t.both(ctx)
	if err != nil {
		return err
	}
	return refused("a request without bucket_id", t.revoke(ctx, revokeRequest(bucket{}, a)), codes.InvalidArgument)
}

func revokeNoAccount(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	return refused("a request without account_id", t.revoke(ctx, revokeRequest(b, access{})), codes.InvalidArgument)
}

func revokeTwice(ctx context.Context, t *trial) error {
	b, a, err := t.both(ctx)
	if err != nil {
		return err
	}
	for i := range t.cfg.Repeat {
		if err := t.revoke(ctx, revokeRequest(b, a)); err != nil {
			return fmt.Errorf("call %d for one access is refused: %w", i+1, err)
		}
	}
	return accepted("an account that never was", t.revoke(ctx, revokeRequest(b, access{account: accountName()})))
}

// revokeWorks looks whether credentials that work stop working, and those of another account go on.
func revokeWorks(ctx context.Context, t *trial) error {
	if t.cfg.Access == nil {
		return skipError("needs the hook Access")
	}
	b, a, err := t.both(ctx)
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

func revokeContext(ctx context.Context, t *trial) error {
	b, a, err := t.both(ctx)
	if err != nil {
		return err
	}
	return accepted("a request without revoke_access_context", t.revoke(ctx, revokeRequest(b, a)))
}

func revokeForeign(ctx context.Context, t *trial) error {
	foreign := revokeRequest(bucket{id: "other-driver/" + bucketName()}, access{account: "other-driver/" + accountName()})
	return accepted("ids of another driver", t.revoke(ctx, foreign))
}

func revokeAfterDelete(ctx context.Context, t *trial) error {
	b, a, err := t.both(ctx)
	if err != nil {
		return err
	}
	if err := t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: b.id}); err != nil {
		return skipError("the driver does not delete a bucket that accounts have access to: " + err.Error())
	}
	return accepted("a revoke after the bucket is gone", t.revoke(ctx, revokeRequest(b, a)))
}

func revokeGrant(ctx context.Context, t *trial) error {
	b, a, err := t.both(ctx)
	if err != nil {
		return err
	}
	if err := t.revoke(ctx, revokeRequest(b, a)); err != nil {
		return missed("the access cannot be revoked", err)
	}
	response, err := t.give(ctx, t.request(b, a.name))
	if err != nil {
		return accepted("a grant after the revoke", err)
	}
	if t.cfg.Access == nil {
		return nil
	}
	if err := t.use(ctx, b, response.GetCredentials()); err != nil {
		return fmt.Errorf("the credentials of a grant after the revoke do not work: %w", err)
	}
	return nil
}
