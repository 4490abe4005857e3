package cositest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// usual are the cases without which no bucket can be had.
func usual() []string { return []string{"CREATE-1", "CREATE-10", "CREATE-5"} }

// after is a list of needs with more behind it.
func after(needs []string, more ...string) []string { return slices.Concat(needs, more) }

func createCases() []Case {
	return []Case{
		newCase("CREATE-1", createImplemented, "INFO-1"),
		newCase("CREATE-10", createSidecarName, "CREATE-1"),
		newCase("CREATE-5", createID, "CREATE-1", "CREATE-10"),
		newCase("CREATE-2", createNoName, "CREATE-1"),
		newCase("CREATE-3", createAgain, usual()...),
		newCase("CREATE-4", createOther, usual()...),
		newCase("CREATE-6", createBadName, usual()...),
		newCase("CREATE-7", createUnprovisionable, usual()...),
		newCase("CREATE-8", createNoParameters, usual()...),
		advised("CREATE-8 unknown", createUnknownParameter, usual()...),
		newCase("CREATE-9", createProtocol, usual()...),
		newCase("CREATE-11", createNamed, after(usual(), "GRANT-16")...),
		newCase("CREATE-13", createForeign, usual()...),
	}
}

func createImplemented(ctx context.Context, t *trial) error {
	_, err := t.make(ctx, bucketName(), t.cfg.BucketParameters)
	if status.Code(err) == codes.Unimplemented {
		return fmt.Errorf("is not implemented: %w", err)
	}
	return nil // any other failure is CREATE-10's
}

func createSidecarName(ctx context.Context, t *trial) error {
	name := bucketName()
	_, err := t.make(ctx, name, t.cfg.BucketParameters)
	return accepted("the name "+name, err)
}

func createID(ctx context.Context, t *trial) error {
	ids := map[string]string{}
	for range 2 {
		name := bucketName()
		response, err := t.make(ctx, name, t.cfg.BucketParameters)
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
	_, err := t.make(ctx, "", t.cfg.BucketParameters)
	return refused("a request without a name", err, codes.InvalidArgument)
}

func createAgain(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	for range t.cfg.Repeat {
		again, err := t.make(ctx, b.name, t.cfg.BucketParameters)
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
	_, err = t.make(ctx, b.name, t.cfg.IncompatibleBucketParameters)
	return refused("the same name with other parameters", err, codes.AlreadyExists)
}

func createBadName(ctx context.Context, t *trial) error {
	if t.cfg.BadBucketName == "" {
		return skipError("needs BadBucketName")
	}
	_, err := t.make(ctx, t.cfg.BadBucketName, t.cfg.BucketParameters)
	return refused(fmt.Sprintf("the name %q", t.cfg.BadBucketName), err, codes.InvalidArgument)
}

func createUnprovisionable(ctx context.Context, t *trial) error {
	if t.cfg.UnprovisionableParameters == nil {
		return skipError("needs UnprovisionableParameters")
	}
	_, err := t.make(ctx, bucketName(), t.cfg.UnprovisionableParameters)
	return refused("what cannot be provisioned", err, codes.OutOfRange)
}

func createNoParameters(ctx context.Context, t *trial) error {
	_, err := t.make(ctx, bucketName(), nil)
	return accepted("a request without parameters", err)
}

// unknownParameter is a key that no driver has.
const unknownParameter = "cositest-unknown-parameter"

// with is a copy of parameters with the unknown one.
func with(parameters map[string]string) map[string]string {
	more := map[string]string{unknownParameter: "x"}
	for k, v := range parameters {
		more[k] = v
	}
	return more
}

func createUnknownParameter(ctx context.Context, t *trial) error {
	_, err := t.make(ctx, bucketName(), with(t.cfg.BucketParameters))
	return refused("an unknown parameter", err, codes.InvalidArgument)
}

func createProtocol(ctx context.Context, t *trial) error {
	response, err := t.make(ctx, bucketName(), t.cfg.BucketParameters)
	if err != nil {
		return missed("a bucket cannot be created", err)
	}
	if response.GetBucketInfo().GetType() == nil {
		return errors.New("bucket_info is empty")
	}
	return nil
}

// createNamed uses the credentials on the bucket by its name, as an application does.
func createNamed(ctx context.Context, t *trial) error {
	if t.cfg.Access == nil {
		return skipError("needs the hook Access")
	}
	b, a, err := t.both(ctx)
	if err != nil {
		return err
	}
	if err := t.use(ctx, b, a.credentials); err != nil {
		return fmt.Errorf("no object can be put into a bucket named %s: %w", b.name, err)
	}
	return nil
}

func createForeign(ctx context.Context, t *trial) error {
	if t.cfg.MakeForeignBucket == nil {
		return skipError("needs the hook MakeForeignBucket")
	}
	foreign, err := t.cfg.MakeForeignBucket(ctx)
	if err != nil {
		return missed("the hook MakeForeignBucket", err)
	}
	t.later(foreign.Remove)
	_, err = t.create(ctx, &cosi.DriverCreateBucketRequest{Name: foreign.Name, Parameters: t.cfg.BucketParameters})
	return refused("a name that somebody else's bucket has", err, codes.AlreadyExists)
}

// delays are when a call is cut short: at once, and ever later.
func delays() []time.Duration {
	return []time.Duration{0, 200 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond}
}

// cutShort makes a call and cancels it after the delay.
func cutShort(ctx context.Context, after time.Duration, call func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, after)
	defer cancel()
	call(ctx)
}

// long is a name of more bytes than the specification allows, the ending apart.
func long(ending string) string { return "bucket-" + strings.Repeat("a", 121) + ending }
