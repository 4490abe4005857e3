package cositest

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// revocable are the cases without which no access can be had and taken away.
func revocable() []string { return extend(grantable(), "REVOKE-5", "REVOKE-4") }

func revokeCases() []Case {
	return []Case{
		newCase("REVOKE-5", revokeContext, grantable()...),
		newCase("REVOKE-1", revokeNoBucket, grantable()...),
		newCase("REVOKE-2", revokeNoAccount, grantable()...),
		newCase("REVOKE-4", revokeTwice, extend(grantable(), "REVOKE-5")...),
		newCase("REVOKE-6", revokeForeign, revocable()...),
		newCase("REVOKE-7", revokeAfterDelete, extend(revocable(), "REVOKE-6", "DELETE-2")...),
	}
}

func revokeRequest(b bucket, a access) *cosi.DriverRevokeBucketAccessRequest {
	return &cosi.DriverRevokeBucketAccessRequest{BucketId: b.id, AccountId: a.account}
}

func revokeNoBucket(ctx context.Context, t *trial) error {
	_, a, err := t.bucketWithAccess(ctx)
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
	b, a, err := t.bucketWithAccess(ctx)
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

// revokeContext tells a driver that wants revoke_access_context from one that cannot revoke at all, which is REVOKE-4's.
func revokeContext(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	request := revokeRequest(b, a)
	err = t.revoke(ctx, request)
	if err == nil || gone(err) || status.Code(err) == codes.Unimplemented {
		return accepted("a request without revoke_access_context", err)
	}
	request.RevokeAccessContext = withUnknown(t.cfg.AccessParameters)
	if len(t.cfg.AccessParameters) > 0 {
		request.RevokeAccessContext = t.cfg.AccessParameters
	}
	if t.revoke(ctx, request) != nil {
		return nil
	}
	return accepted("a request without revoke_access_context, unlike one with it,", err)
}

func revokeForeign(ctx context.Context, t *trial) error {
	foreign := revokeRequest(bucket{id: "other-driver/" + bucketName()}, access{account: "other-driver/" + accountName()})
	return accepted("ids of another driver", t.revoke(ctx, foreign))
}

func revokeAfterDelete(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	if err := t.remove(ctx, b.id); status.Code(err) == codes.FailedPrecondition {
		return skipError("the driver does not delete a bucket that accounts have access to: " + err.Error())
	} else if err != nil {
		return missed("the bucket cannot be deleted", err)
	}
	return accepted("a revoke after the bucket is gone", t.revoke(ctx, revokeRequest(b, a)))
}
