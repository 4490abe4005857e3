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

func createCases() []Case {
	return []Case{
		newCase("CREATE-1", createImplemented),
		newCase("CREATE-10", createSidecarName),
		newCase("CREATE-5", createID),
		newCase("CREATE-2", createNoName),
		newCase("CREATE-3", createAgain),
		newCase("CREATE-4", createOther),
		newCase("CREATE-6", createBadName),
		newCase("CREATE-7", createUnprovisionable),
		newCase("CREATE-8", createNoParameters),
		advised("CREATE-8 unknown", createUnknownParameter),
		newCase("CREATE-9", createProtocol),
		newCase("CREATE-13", createForeign),
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
	if !refusal(err) {
		return accepted("the name "+name, err)
	}
	other, _, otherErr := t.newBucket(ctx, t.cfg.BucketParameters)
	if otherErr != nil {
		return missed("a bucket cannot be created", err)
	}
	return fmt.Errorf("%w; the name %s is taken", accepted("the name "+name, err), other)
}

func createID(ctx context.Context, t *trial) error {
	ids := map[string]string{}
	for range 2 {
		name, response, err := t.newBucket(ctx, t.cfg.BucketParameters)
		if err != nil {
			return missed("a bucket cannot be created", err)
		}
		id := response.GetBucketId()
		if id == "" {
			return errors.New("bucket_id is empty")
		}
		if other, taken := ids[id]; taken {
			return fmt.Errorf("the buckets %s and %s have the same id %q", other, name, t.shown(id))
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
	return t.sameBucket(ctx, b)
}

// sameBucket repeats the create of a bucket.
func (t *trial) sameBucket(ctx context.Context, b bucket) error {
	for range t.cfg.Repeat {
		again, err := t.createBucket(ctx, b.name, t.cfg.BucketParameters)
		if err != nil {
			return accepted("a repeat", err)
		}
		if again.GetBucketId() != b.id {
			return fmt.Errorf("the repeat returns bucket_id %q, the first call returned %q", t.shown(again.GetBucketId()), t.shown(b.id))
		}
	}
	return nil
}

// configured says why parameters that the configuration may have are not there.
func configured(parameters map[string]string, needs, none string) error {
	switch {
	case parameters == nil:
		return needsError(needs)
	case len(parameters) == 0:
		return elsewhereError("the configuration says that " + none)
	}
	return nil
}

func createOther(ctx context.Context, t *trial) error {
	if err := configured(t.cfg.IncompatibleBucketParameters, "Config.IncompatibleBucketParameters (-incompatible-parameters)",
		"no parameters of a bucket exclude each other"); err != nil {
		return err
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	_, err = t.createBucket(ctx, b.name, t.cfg.IncompatibleBucketParameters)
	return refused("the same name with other parameters", err, codes.AlreadyExists)
}

// createBadName also tries a name that few stores take: one with spaces and upper case.
func createBadName(ctx context.Context, t *trial) error {
	name := t.cfg.BadBucketName
	if name == "" {
		name = "Not A " + newName(shortBucket)
	}
	if _, err := t.bucket(ctx); err != nil {
		return err
	}
	_, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
	if err == nil && t.cfg.BadBucketName == "" {
		return elsewhereError(fmt.Sprintf("the driver takes the name %q; if there is one that it cannot take, give Config.BadBucketName (-bad-name)", name))
	}
	return refused(fmt.Sprintf("the name %q", name), err, codes.InvalidArgument)
}

func createUnprovisionable(ctx context.Context, t *trial) error {
	if err := configured(t.cfg.UnprovisionableParameters, "Config.UnprovisionableParameters (-unprovisionable-parameters)",
		"there are no parameters that cannot be provisioned"); err != nil {
		return err
	}
	name, err := t.takenName(ctx)
	if err != nil {
		return err
	}
	_, err = t.createBucket(ctx, name, t.cfg.UnprovisionableParameters)
	return refused("what cannot be provisioned", err, codes.OutOfRange)
}

func createNoParameters(ctx context.Context, t *trial) error {
	name, err := t.takenName(ctx)
	if err != nil {
		return err
	}
	_, err = t.createBucket(ctx, name, nil)
	return t.withoutParameters(err, t.cfg.BucketParameters)
}

// withoutParameters expects a request without parameters to be accepted, or to be refused with the name of one that is
// missing.
func (t *trial) withoutParameters(err error, parameters map[string]string) error {
	if status.Code(err) == codes.InvalidArgument {
		message := strings.ToLower(status.Convert(err).Message())
		for _, key := range slices.Sorted(maps.Keys(parameters)) {
			if strings.Contains(message, strings.ToLower(key)) {
				return elsewhereError(fmt.Sprintf("the driver requires the parameter %q, and says so", key))
			}
		}
	}
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
	name, err := t.takenName(ctx)
	if err != nil {
		return err
	}
	_, err = t.createBucket(ctx, name, withUnknown(t.cfg.BucketParameters))
	return refused("an unknown parameter", err, codes.InvalidArgument)
}

func createProtocol(ctx context.Context, t *trial) error {
	_, response, err := t.newBucket(ctx, t.cfg.BucketParameters)
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
	if _, err := t.takenName(ctx); err != nil { // a driver that takes no request at all says nothing of this one
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
		return Foreign{}, needsError("the hook Config.MakeForeignBucket (-foreign-command)")
	}
	foreign, err := t.cfg.MakeForeignBucket(ctx)
	if err == nil && foreign.Remove != nil {
		t.later("foreign bucket "+foreign.Name, foreign.Remove)
	}
	if err == nil {
		err = foreign.made(ctx)
	}
	return foreign, missed("the hook Config.MakeForeignBucket (-foreign-command)", err)
}

// made says why the bucket cannot be looked at: the hook that made it says that it does not exist.
func (f Foreign) made(ctx context.Context) error {
	exists, err := f.exists(ctx, true)
	if err == nil && !exists {
		err = fmt.Errorf("it made bucket %s, and says that there is none", f.Name)
	}
	return err
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
