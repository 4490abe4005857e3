package cositest

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

func revokeCases() []Case {
	return []Case{
		newCase("REVOKE-5", revokeContext),
		newCase("REVOKE-1", revokeNoBucket),
		newCase("REVOKE-2", revokeNoAccount),
		newCase("REVOKE-4", revokeTwice),
		newCase("REVOKE-6", revokeForeign),
		newCase("REVOKE-7", revokeAfterDelete),
	}
}

func revokeRequest(b bucket, a access) *cosi.DriverRevokeBucketAccessRequest {
	return &cosi.DriverRevokeBucketAccessRequest{BucketId: b.id, AccountId: a.account}
}

func revokeNoBucket(ctx context.Context, t *trial) error {
	if err := t.careful(ctx); err != nil {
		return err
	}
	_, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	return refused("a request without bucket_id", t.revoke(ctx, revokeRequest(bucket{}, a)), codes.InvalidArgument)
}

func revokeNoAccount(ctx context.Context, t *trial) error {
	if err := t.careful(ctx); err != nil {
		return err
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	return refused("a request without account_id", t.revoke(ctx, revokeRequest(b, access{})), codes.InvalidArgument)
}

// revokeTwice repeats a revoke, and then revokes an account of this driver that the bucket never had.
func revokeTwice(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	for i := range t.cfg.Repeat {
		err := t.revoke(ctx, revokeRequest(b, a))
		if i == 0 && status.Code(err) == codes.InvalidArgument {
			return missed("the access cannot be revoked without revoke_access_context; see whether REVOKE-5 fails", err)
		}
		if err != nil {
			return accepted(fmt.Sprintf("call %d for one access", i+1), err)
		}
	}
	_, other, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	return accepted("an account that the bucket never had", t.revoke(ctx, revokeRequest(b, other)))
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

// revokeForeign sends ids of other drivers, of all shapes, and looks that this driver's own access is left alone.
func revokeForeign(ctx context.Context, t *trial) error {
	if err := t.plainRevoke(ctx); err != nil {
		return err
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	request := t.request(ctx, b)
	before, beforeErr := t.give(ctx, request)
	buckets := strangers(bucketName())
	for i, account := range strangers(accountName()) {
		if err := t.revoke(ctx, revokeRequest(bucket{id: buckets[i]}, access{account: account})); err != nil {
			return accepted(fmt.Sprintf("a revoke with the ids %q and %q, which another driver made,", buckets[i], account), err)
		}
	}
	if beforeErr != nil {
		return nil
	}
	after, err := t.give(ctx, request)
	if err := missed("the grant cannot be repeated", err); err != nil {
		return err
	}
	return missed("the calls are answered with OK, and whether they changed the access cannot be told, since GRANT-5 is broken", t.sameGrant(before, after))
}

func revokeAfterDelete(ctx context.Context, t *trial) error {
	if err := t.plainRevoke(ctx); err != nil {
		return err
	}
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	if err := t.remove(ctx, b.id); status.Code(err) == codes.FailedPrecondition {
		return elsewhereError("the driver does not delete a bucket that accounts have access to: " + said(err))
	} else if err != nil {
		return missed("the bucket cannot be deleted", err)
	}
	return accepted("a revoke after the bucket is gone", t.revoke(ctx, revokeRequest(b, a)))
}
