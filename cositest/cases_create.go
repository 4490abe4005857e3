package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// creatable lists the cases without which no bucket can be had.
func creatable() []string { return []string{"CREATE-1", "CREATE-10", "CREATE-5"} }

// extend returns the needs, followed by more.
func extend(needs []string, more ...string) []string { return slices.Concat(needs, more) }

func createCases() []Case {
	return []Case{
		newCase("CREATE-1", createImplemented, "INFO-1"),
		newCase("CREATE-10", createSidecarName, "CREATE-1"),
		newCase("CREATE-5", createID, "CREATE-1", "CREATE-10"),
		newCase("CREATE-2", createNoName, creatable()...),
		newCase("CREATE-3", createAgain, creatable()...),
		newCase("CREATE-4", createOther, extend(creatable(), "CREATE-3")...),
		newCase("CREATE-6", createBadName, creatable()...),
		newCase("CREATE-7", createUnprovisionable, creatable()...),
		newCase("CREATE-8", createNoParameters, creatable()...),
		advised("CREATE-8 unknown", createUnknownParameter, creatable()...),
		newCase("CREATE-9", createProtocol, creatable()...),
		newCase("CREATE-13", createForeign, creatable()...),
	}
}

func createImplemented(ctx context.Context, t *trial) error {
	_, err := t.createBucket(ctx, bucketName(), t.cfg.BucketParameters)
	switch {
	case gone(err):
		return fmt.Errorf("is not answered: %w", err)
	case status.Code(err) == codes.Unimplemented:
		return errors.New("is not implemented: " + status.Convert(err).Message())
	}
	return nil // any other failure is CREATE-10's
}

func createSidecarName(ctx context.Context, t *trial) error {
	name := bucketName()
	_, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
	return accepted("the name "+name, err)
}

func createID(ctx context.Context, t *trial) error {
	ids := map[string]string{}
	for range 2 {
		name := bucketName()
		response, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
		if err != nil {
			return missed("a bucket cannot be created", err)
		}
		id := response.GetBucketId()
		if id == "" {
			return errors.New("bucket_id is empty")
		}
		if other, taken := ids[id]; taken {
			return fmt.Errorf("the buckets %s and %s have the same id %q", other, name, id)
		}
		ids[id] = name
	}
	return nil
}

func createNoName(ctx context.Context, t *trial) error {
	_, err := t.createBucket(ctx, "", t.cfg.BucketParameters)
	return refused("a request without a name", err, codes.InvalidArgument)
}

func createAgain(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	for range t.cfg.Repeat {
		again, err := t.createBucket(ctx, b.name, t.cfg.BucketParameters)
		if err != nil {
			return accepted("a repeat", err)
		}
		if again.GetBucketId() != b.id {
			return fmt.Errorf("the repeat answers bucket_id %q, the first call answered %q", again.GetBucketId(), b.id)
		}
	}
	return nil
}

func createOther(ctx context.Context, t *trial) error {
	if t.cfg.IncompatibleBucketParameters == nil {
		return skipError("needs IncompatibleBucketParameters")
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	_, err = t.createBucket(ctx, b.name, t.cfg.IncompatibleBucketParameters)
	return refused("the same name with other parameters", err, codes.AlreadyExists)
}

func createBadName(ctx context.Context, t *trial) error {
	if t.cfg.BadBucketName == "" {
		return skipError("needs BadBucketName")
	}
	_, err := t.createBucket(ctx, t.cfg.BadBucketName, t.cfg.BucketParameters)
	return refused(fmt.Sprintf("the name %q", t.cfg.BadBucketName), err, codes.InvalidArgument)
}

func createUnprovisionable(ctx context.Context, t *trial) error {
	if t.cfg.UnprovisionableParameters == nil {
		return skipError("needs UnprovisionableParameters")
	}
	_, err := t.createBucket(ctx, bucketName(), t.cfg.UnprovisionableParameters)
	return refused("what cannot be provisioned", err, codes.OutOfRange)
}

func createNoParameters(ctx context.Context, t *trial) error {
	_, err := t.createBucket(ctx, bucketName(), nil)
	return accepted("a request without parameters", err)
}

// unknownParameter is a key that no driver has.
const unknownParameter = "cositest-unknown-parameter"

// withUnknown returns a copy of parameters with the unknown one.
func withUnknown(parameters map[string]string) map[string]string {
	more := map[string]string{unknownParameter: "x"}
	maps.Copy(more, parameters)
	return more
}

func createUnknownParameter(ctx context.Context, t *trial) error {
	_, err := t.createBucket(ctx, bucketName(), withUnknown(t.cfg.BucketParameters))
	return refused("an unknown parameter", err, codes.InvalidArgument)
}

func createProtocol(ctx context.Context, t *trial) error {
	response, err := t.createBucket(ctx, bucketName(), t.cfg.BucketParameters)
	if err != nil {
		return missed("a bucket cannot be created", err)
	}
	if response.GetBucketInfo().GetType() == nil {
		return errors.New("bucket_info is empty")
	}
	return nil
}

func createForeign(ctx context.Context, t *trial) error {
	foreign, err := t.foreign(ctx)
	if err != nil {
		return err
	}
	response, err := t.create(ctx, &cosi.DriverCreateBucketRequest{Name: foreign.Name, Parameters: t.cfg.BucketParameters})
	if err == nil && response.GetBucketId() != foreign.ID {
		t.deleteLater(foreign.Name, response, t.cfg.BucketParameters)
	}
	if err := refused("a name that somebody else's bucket has", err, codes.AlreadyExists); err != nil {
		return err
	}
	if exists, err := foreign.exists(ctx, true); err != nil || !exists {
		return cmp.Or(err, errors.New("the call is refused, and somebody else's bucket is gone"))
	}
	return nil
}

// foreign makes a bucket behind the driver's back, and sees to its removal.
func (t *trial) foreign(ctx context.Context) (Foreign, error) {
	if t.cfg.MakeForeignBucket == nil {
		return Foreign{}, skipError("needs the hook MakeForeignBucket")
	}
	foreign, err := t.cfg.MakeForeignBucket(ctx)
	if err == nil && foreign.Remove != nil {
		t.later("foreign bucket "+foreign.Name, foreign.Remove)
	}
	return foreign, missed("the hook MakeForeignBucket", err)
}

// exists says whether the bucket exists; unknown is the answer when there is no hook for that.
func (f Foreign) exists(ctx context.Context, unknown bool) (bool, error) {
	if f.Exists == nil {
		return unknown, nil
	}
	exists, err := f.Exists(ctx)
	return exists, missed("the hook Exists", err)
}

// overlong returns a name that the ending makes longer than the specification allows.
func overlong(ending string) string {
	const prefix = "bucket-"
	return prefix + strings.Repeat("a", rules.MaxString-len(prefix)) + ending
}
