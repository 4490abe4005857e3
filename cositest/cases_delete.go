package cositest

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

func deleteCases() []Case {
	return []Case{
		newCase("DELETE-1", deleteNoID, usual()...),
		newCase("DELETE-2", deleteTwice, usual()...),
		newCase("DELETE-3", deleteContext, after(usual(), "DELETE-2")...),
		newCase("DELETE-4", deleteCutShort, after(usual(), "DELETE-2", "CREATE-3")...),
		newCase("DELETE-5", deleteForeign, after(usual(), "DELETE-2")...),
		newCase("DELETE-6", deleteFull, after(usual(), "GRANT-16")...),
	}
}

func deleteNoID(ctx context.Context, t *trial) error {
	return refused("a request without bucket_id", t.delete(ctx, &cosi.DriverDeleteBucketRequest{}), codes.InvalidArgument)
}

func deleteTwice(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	for i := range t.cfg.Repeat {
		if err := t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: b.id}); err != nil {
			return fmt.Errorf("call %d for one bucket is refused: %w", i+1, err)
		}
	}
	return accepted("a bucket that never was", t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: bucketName()}))
}

func deleteContext(ctx context.Context, t *trial) error {
	for what, parameters := range map[string]map[string]string{
		"no delete_context":                  nil,
		"the class's parameters":             t.cfg.BucketParameters,
		"delete_context with an unknown key": with(t.cfg.BucketParameters),
	} {
		b, err := t.bucket(ctx)
		if err != nil {
			return err
		}
		if err := t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: b.id, DeleteContext: parameters}); err != nil {
			return accepted(what, err)
		}
	}
	return nil
}

// deleteCutShort cancels a create, and then deletes what it may have made and creates it again.
func deleteCutShort(ctx context.Context, t *trial) error {
	for _, delay := range delays() {
		name := bucketName()
		cutShort(ctx, delay, func(ctx context.Context) { _, _ = t.make(ctx, name, t.cfg.BucketParameters) })
		response, err := t.make(ctx, name, t.cfg.BucketParameters)
		if err != nil {
			return missed("a create that was cut short cannot be repeated", err)
		}
		if err := t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: response.GetBucketId()}); err != nil {
			return accepted("a delete after a create that was cut short", err)
		}
		if _, err := t.make(ctx, name, t.cfg.BucketParameters); err != nil {
			return accepted("a create after that", err)
		}
	}
	return nil
}

func deleteForeign(ctx context.Context, t *trial) error {
	if t.cfg.MakeForeignBucket == nil {
		return skipError("needs the hook MakeForeignBucket")
	}
	foreign, err := t.cfg.MakeForeignBucket(ctx)
	if err != nil {
		return missed("the hook MakeForeignBucket", err)
	}
	t.later(foreign.Remove)
	err = t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: foreign.ID, DeleteContext: t.cfg.BucketParameters})
	return accepted("an id that the driver did not make", err)
}

func deleteFull(ctx context.Context, t *trial) error {
	if t.cfg.Access == nil {
		return skipError("needs the hook Access")
	}
	b, a, err := t.both(ctx)
	if err != nil {
		return err
	}
	use := Use{BucketName: b.name, BucketID: b.id, Credentials: a.credentials, Keep: true}
	if err := t.cfg.Access(ctx, use); err != nil {
		return missed("an object cannot be put", err)
	}
	err = t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: b.id})
	use.Keep = false
	if cleared := t.cfg.Access(ctx, use); cleared != nil && err != nil {
		return missed("the object cannot be removed again", cleared)
	}
	return refused("a bucket that is not empty", err, codes.FailedPrecondition)
}
