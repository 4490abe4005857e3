package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// nextCases give advice for v1alpha2. No driver of v1alpha1 fails by them.
func nextCases() []Case {
	return []Case{
		newCase("NEXT-1", nextID),
		newCase("NEXT-2", nextName),
		newCase("NEXT-3", nextRegion),
		newCase("NEXT-4", needsOutage(nextCodes)),
	}
}

// nextID makes a bucket twice by one name, with a delete between, and a restart of the driver if there is a hook for that.
func nextID(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	if err := t.remove(ctx, b.id); err != nil {
		return missed("the bucket cannot be deleted", err)
	}
	t.forget("bucket " + b.id)
	if t.cfg.Restart != nil {
		if err := t.restart(ctx); err != nil {
			return err
		}
	}
	again, err := t.createBucket(ctx, b.name, t.cfg.BucketParameters)
	if err != nil {
		return missed("a deleted bucket cannot be created again", err)
	}
	if again.GetBucketId() != b.id {
		return fmt.Errorf("made again by the same name, the bucket has the id %q instead of %q", t.shown(again.GetBucketId()), t.shown(b.id))
	}
	return nil
}

// restart restarts the driver, and waits for it. One that does not come back ends the run.
func (t *trial) restart(ctx context.Context) error {
	const hook = "Config.Restart (-restart-command)"
	before := t.connection()
	if err := t.cfg.Restart(ctx); err != nil {
		return missed("the hook "+hook, err)
	}
	if err := t.awaken(ctx); err != nil {
		t.broken = fmt.Errorf("the driver did not come back after its restart (Config.Restart, -restart-command): %w", err)
		t.advise("the driver did not come back after its restart")
		return missedError{t.broken}
	}
	t.expected()
	if lasts(before, t.connection()) {
		return missedError{errors.New("the hook " + hook + " restarted nothing: the connection to the driver outlived it")}
	}
	return nil
}

// lasts reports whether two answers came by one connection. Each connection of the net package has an address of its own in memory.
func lasts(before, after net.Addr) bool {
	switch before.(type) {
	case *net.UnixAddr, *net.TCPAddr:
		return before == after
	}
	return false
}

// labels matches a driver's name that the next sidecar accepts: DNS-1035 labels with dots between.
var labels = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?(\.[a-z]([-a-z0-9]*[a-z0-9])?)*$`)

func nextName(ctx context.Context, t *trial) error {
	name, err := t.validName(ctx)
	if err == nil && !labels.MatchString(name) {
		return fmt.Errorf("the next sidecar exits when it gets the name %q", t.shown(name))
	}
	return err
}

func nextRegion(ctx context.Context, t *trial) error {
	_, response, err := t.newBucket(ctx, t.cfg.BucketParameters)
	if err != nil {
		return missed("a bucket cannot be created", err)
	}
	s3, ok := response.GetBucketInfo().GetType().(*cosi.Protocol_S3)
	switch {
	case response.GetBucketInfo().GetType() == nil:
		return missed("bucket_info is empty", errors.New("CREATE-9 reports that"))
	case !ok:
		return elsewhereError("the protocol has no region")
	case s3.S3.GetRegion() == "":
		return errors.New("bucket_info says no region")
	}
	return nil
}

// nextCodes makes calls while the store is away, and looks for codes that will end the attempts.
func nextCodes(ctx context.Context, t *trial) error {
	b, _, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	name, err := t.takenName(ctx)
	if err != nil {
		return err
	}
	request := t.request(ctx, b)
	var answers []error
	if err := t.outage(ctx, func() {
		answers = atOnce(2, func(i int) (err error) {
			if i == 0 {
				_, err = t.createBucket(ctx, name, t.cfg.BucketParameters)
			} else {
				_, err = t.give(ctx, request)
			}
			return err
		})
	}); err != nil {
		return err
	}
	if err := met(answers); err != nil {
		return err
	}
	return cmp.Or(final("a create", answers[0]), final("a grant", answers[1]))
}

func final(what string, err error) error {
	if slices.Contains([]codes.Code{codes.InvalidArgument, codes.AlreadyExists, codes.OutOfRange, codes.Unimplemented}, status.Code(err)) {
		return fmt.Errorf("while the store is away, %s is refused with %s, and the sidecar of v1alpha2 does not try it again; want UNAVAILABLE", what, said(err))
	}
	return nil
}
