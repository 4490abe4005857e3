package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

func deleteCases() []Case {
	return []Case{
		newCase("DELETE-1", deleteNoID),
		newCase("DELETE-2", deleteTwice),
		newCase("DELETE-2 shape", deleteAnyShape),
		newCase("DELETE-3", deleteContext),
		newCase("DELETE-4", deleteCutShort),
		newCase("DELETE-5", deleteForeign),
	}
}

func deleteNoID(ctx context.Context, t *trial) error {
	if err := t.careful(ctx); err != nil {
		return err
	}
	return refused("a request without bucket_id", t.remove(ctx, ""), codes.InvalidArgument)
}

// careful says why a request that lacks an id is not sent. A driver that does not refuse it may take it for everything that
// the store holds.
func (t *trial) careful(ctx context.Context) error {
	if !t.cfg.Destructive {
		return needsError("Config.Destructive (-destructive): a driver that does not refuse this request may destroy what is not the kit's")
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	noBucket, noName := t.request(ctx, b), t.request(ctx, b)
	noBucket.BucketId, noName.Name = "", ""
	_, create := t.createBucket(ctx, "", t.cfg.BucketParameters)
	_, bucketless := t.give(ctx, noBucket)
	_, nameless := t.give(ctx, noName)
	for _, each := range []struct {
		what string
		err  error
	}{
		{"create without a name", create},
		{"grant without bucket_id", bucketless},
		{"grant without a name", nameless},
	} {
		if each.err == nil {
			return missedError{fmt.Errorf("is not sent: the driver accepts a %s, and might take this request for everything", each.what)}
		}
	}
	return nil
}

// deleteTwice repeats a delete: the later ones are for a bucket that this driver made, and that is gone.
func deleteTwice(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	for i := range t.cfg.Repeat {
		if err := t.remove(ctx, b.id); err != nil {
			return accepted(fmt.Sprintf("call %d for one bucket", i+1), err)
		}
	}
	return nil
}

// strangers are ids of shapes that drivers have. No driver has made these.
func strangers(name string) []string {
	digits := strings.ReplaceAll(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz-"), "-", "")
	return []string{
		name, digits, "other-driver/" + name, "eu-west-1:" + name, "arn:aws:s3:::" + name, "https://s3.example.com/" + name,
	}
}

func deleteAnyShape(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	for _, id := range strangers(bucketName()) {
		if err := t.remove(ctx, id); err != nil {
			return accepted(fmt.Sprintf("the id %q of a bucket that never existed", id), err)
		}
	}
	return missed("a bucket cannot be deleted", t.remove(ctx, b.id))
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
	if err := t.plainBucket(ctx); err != nil {
		return err
	}
	return t.eachCutCreate(ctx, func(name string) error {
		response, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
		if err != nil {
			return missed("a create that was cut short cannot be repeated", err)
		}
		if err := t.remove(ctx, response.GetBucketId()); err != nil {
			return accepted("a delete after a create that was cut short", err)
		}
		_, err = t.createBucket(ctx, name, t.cfg.BucketParameters)
		return accepted("a create after that", err)
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
