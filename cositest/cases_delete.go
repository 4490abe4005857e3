package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

func deleteCases() []Case {
	return []Case{
		newCase("DELETE-1", deleteNoID, creatable()...),
		newCase("DELETE-2", deleteTwice, creatable()...),
		newCase("DELETE-3", deleteContext, extend(creatable(), "DELETE-2")...),
		newCase("DELETE-4", deleteCutShort, extend(creatable(), "DELETE-2", "CREATE-3")...),
		newCase("DELETE-5", deleteForeign, extend(creatable(), "DELETE-2")...),
	}
}

func deleteNoID(ctx context.Context, t *trial) error {
	return refused("a request without bucket_id", t.remove(ctx, ""), codes.InvalidArgument)
}

func deleteTwice(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	for i := range t.cfg.Repeat {
		if err := t.remove(ctx, b.id); err != nil {
			return fmt.Errorf("call %d for one bucket is refused: %w", i+1, err)
		}
	}
	return accepted("a bucket that never was", t.remove(ctx, bucketName()))
}

func deleteContext(ctx context.Context, t *trial) error {
	for _, each := range []struct {
		what       string
		parameters map[string]string
	}{
		{"no delete_context", nil},
		{"the class's parameters", t.cfg.BucketParameters},
		{"delete_context with an unknown key", withUnknown(t.cfg.BucketParameters)},
	} {
		b, err := t.bucket(ctx)
		if err != nil {
			return err
		}
		if err := t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: b.id, DeleteContext: each.parameters}); err != nil {
			return accepted(each.what, err)
		}
	}
	return nil
}

// deleteCutShort cancels a create, and then deletes what it may have made and creates it again.
func deleteCutShort(ctx context.Context, t *trial) error {
	return t.eachCutCreate(ctx, func(name string) error {
		response, err := t.createPatiently(ctx, name)
		if err != nil {
			return missed("a create that was cut short cannot be repeated", err)
		}
		if err := t.patiently(ctx, func() error { return t.remove(ctx, response.GetBucketId()) }); err != nil {
			return accepted("a delete after a create that was cut short", err)
		}
		if _, err := t.createPatiently(ctx, name); err != nil {
			return accepted("a create after that", err)
		}
		return nil
	})
}

func deleteForeign(ctx context.Context, t *trial) error {
	foreign, err := t.foreign(ctx)
	if err != nil {
		return err
	}
	allowed := foreign.DeleteContext
	if allowed == nil {
		allowed = t.cfg.BucketParameters
	}
	if err := t.delete(ctx, &cosi.DriverDeleteBucketRequest{BucketId: foreign.ID, DeleteContext: allowed}); err != nil {
		return accepted("an id that the driver did not make", err)
	}
	if exists, err := foreign.exists(ctx, false); err != nil || exists {
		return cmp.Or(err, errors.New("an id that the driver did not make is accepted, and the bucket is still there"))
	}
	return nil
}
