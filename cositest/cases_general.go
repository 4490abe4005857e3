package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// generalCases come last: several of them look at what the driver answered to all the others.
func generalCases() []Case {
	return []Case{
		newCase("GEN-3", everyMethod, "INFO-1", "CREATE-1"),
		newCase("GEN-10", createAtOnce, extend(creatable(), "CREATE-3")...),
		newCase("GEN-15", createCutShort, extend(creatable(), "CREATE-3")...),
		newCase("GEN-15 grant", grantCutShort, extend(grantable(), "GRANT-5")...),
		newCase("GRANT-11", grantNeverExists, grantable()...),
		newCase("GRANT-11 conflict", grantConflict, extend(grantable(), "GRANT-5", "GRANT-11")...),
		newCase("GEN-9", sizes, creatable()...),
		newCase("GEN-12", nothingBeside, creatable()...),
		newCase("GEN-4", canonicalCodes, "INFO-1"),
		newCase("GEN-5", messages, "INFO-1"),
		newCase("GEN-6", noDetails, "INFO-1"),
		newCase("GEN-11", noSecrets, grantable()...),
	}
}

// everyMethod calls each method with a request that a driver refuses, and looks who refuses it.
func everyMethod(ctx context.Context, t *trial) error {
	_, info := t.getInfo(ctx)
	_, create := t.createBucket(ctx, "", nil)
	_, grant := t.give(ctx, &cosi.DriverGrantBucketAccessRequest{})
	for rpc, err := range map[string]error{
		rules.GetInfo: info,
		rules.Create:  create,
		rules.Delete:  t.delete(ctx, &cosi.DriverDeleteBucketRequest{}),
		rules.Grant:   grant,
		rules.Revoke:  t.revoke(ctx, &cosi.DriverRevokeBucketAccessRequest{}),
	} {
		if status.Code(err) == codes.Unimplemented && unknownMethod(status.Convert(err).Message()) {
			return fmt.Errorf("%s does not exist: %s", rpc, status.Convert(err).Message())
		}
	}
	return nil
}

// unknownMethod tells the answer of a gRPC server that does not know a method from that of a driver that does not
// support it.
func unknownMethod(message string) bool {
	for _, words := range []string{"unknown service", "unknown method", "not served", "Method not found"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// sizes looks at everything that the driver has answered so far, and asks for a name that is too long.
func sizes(ctx context.Context, t *trial) error {
	for _, f := range t.tooLarge() {
		return fmt.Errorf("%s answered a message that is too large: %s", f.rpc, f.status.Message())
	}
	return longName(ctx, t)
}

// longName asks for two buckets whose names differ in the 129th byte alone.
func longName(ctx context.Context, t *trial) error {
	first, err := t.createBucket(ctx, overlong("x"), t.cfg.BucketParameters)
	if err != nil {
		return refused("a name of 129 bytes", err, codes.InvalidArgument, codes.OutOfRange)
	}
	if n := len(first.GetBucketId()); n > rules.MaxString {
		return fmt.Errorf("a name of 129 bytes is accepted, and answered by a bucket_id of %d bytes", n)
	}
	second, err := t.createBucket(ctx, overlong("y"), t.cfg.BucketParameters)
	if err == nil && second.GetBucketId() == first.GetBucketId() {
		return errors.New("a name of 129 bytes is accepted and truncated: two such names have one bucket")
	}
	return nil
}

// createAtOnce makes one bucket by many calls side by side.
func createAtOnce(ctx context.Context, t *trial) error {
	name := bucketName()
	ids := make([]string, t.cfg.Parallel)
	for i, err := range atOnce(t.cfg.Parallel, func(i int) error {
		return t.patiently(ctx, func() error {
			response, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
			ids[i] = response.GetBucketId()
			return err
		})
	}) {
		if err != nil {
			return fmt.Errorf("create %d of %d at once for one name is refused: %w", i+1, t.cfg.Parallel, err)
		}
	}
	for _, id := range ids {
		if id != ids[0] {
			return fmt.Errorf("created at once, one name has the ids %q and %q", ids[0], id)
		}
	}
	return nil
}

// createCutShort cancels a create at different moments, and repeats it until the end.
func createCutShort(ctx context.Context, t *trial) error {
	return t.eachCutCreate(ctx, func(name string) error {
		first, err := t.createPatiently(ctx, name)
		if err != nil {
			return accepted("a repeat of a create that was cut short", err)
		}
		again, err := t.createPatiently(ctx, name)
		if err != nil {
			return accepted("a second repeat of a create that was cut short", err)
		}
		if again.GetBucketId() != first.GetBucketId() {
			return fmt.Errorf("after a create that was cut short, repeats answer the ids %q and %q", first.GetBucketId(), again.GetBucketId())
		}
		return nil
	})
}

// grantCutShort does the same with a grant.
func grantCutShort(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	moments, err := t.grantMoments(ctx, b)
	if err != nil {
		return err
	}
	for _, moment := range moments {
		request := t.request(b, accountName())
		cutShort(ctx, moment, func(ctx context.Context) { _, _ = t.give(ctx, request) })
		first, err := t.givePatiently(ctx, request)
		if err != nil {
			return granted("a repeat of a grant that was cut short", err)
		}
		again, err := t.givePatiently(ctx, request)
		if err != nil {
			return granted("a second repeat of a grant that was cut short", err)
		}
		if err := sameGrant(first, again); err != nil {
			return fmt.Errorf("after a grant that was cut short, %w", err)
		}
	}
	return nil
}

// grantNeverExists provokes a conflict, if it can, and looks at everything that grants have answered so far.
func grantNeverExists(ctx context.Context, t *trial) error {
	if t.cfg.IncompatibleAccessParameters != nil {
		if _, err := t.conflict(ctx); err != nil {
			return err
		}
	}
	for _, f := range t.seen() {
		if f.rpc == rules.Grant && f.status.Code() == codes.AlreadyExists {
			return fmt.Errorf("a grant answered ALREADY_EXISTS: %s", f.status.Message())
		}
	}
	return nil
}

// grantConflict expects a driver not to answer one set of parameters with what was granted for another.
func grantConflict(ctx context.Context, t *trial) error {
	if t.cfg.IncompatibleAccessParameters == nil {
		return skipError("needs IncompatibleAccessParameters")
	}
	answer, err := t.conflict(ctx)
	return cmp.Or(err, refused("the same name with other parameters", answer, codes.FailedPrecondition))
}

// conflict grants one access by two sets of parameters, and returns the answer to the second.
func (t *trial) conflict(ctx context.Context) (answer, err error) {
	b, err := t.bucket(ctx)
	if err != nil {
		return nil, err
	}
	request := t.request(b, accountName())
	if _, err := t.give(ctx, request); err != nil {
		return nil, missed("access cannot be granted", err)
	}
	other := t.request(b, request.GetName())
	other.Parameters = t.cfg.IncompatibleAccessParameters
	_, answer = t.give(ctx, other)
	return answer, nil
}

// nothingBeside lists the folder of the driver's socket before, during and after calls.
func nothingBeside(ctx context.Context, t *trial) error {
	if t.cfg.SocketFolder == "" {
		return skipError("needs SocketFolder")
	}
	done := make(chan error, 1)
	go func() {
		_, err := t.bucket(ctx)
		done <- err
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var found error
	for ; found == nil; <-tick.C {
		found = t.beside()
		select {
		case err := <-done:
			return cmp.Or(found, err, t.beside())
		default:
		}
	}
	return cmp.Or(found, <-done)
}

// beside is an error when the folder holds anything but sockets.
func (t *trial) beside() error {
	entries, err := os.ReadDir(t.cfg.SocketFolder)
	if err != nil {
		return missed("the socket's folder cannot be read", err)
	}
	for _, entry := range entries {
		if entry.Type()&os.ModeSocket == 0 {
			return fmt.Errorf("%s lies beside the socket", filepath.Join(t.cfg.SocketFolder, entry.Name()))
		}
	}
	return nil
}

// everyFailure looks at each error that the driver has answered so far; there must be one to look at.
func everyFailure(t *trial, look func(failure) error) error {
	failures := t.seen()
	if len(failures) == 0 {
		return skipError("the driver has not answered an error")
	}
	for _, f := range failures {
		if err := look(f); err != nil {
			return err
		}
	}
	return nil
}

func canonicalCodes(_ context.Context, t *trial) error {
	return everyFailure(t, func(f failure) error {
		if !canonical(f.status.Code()) {
			return fmt.Errorf("%s answered %s: %q", f.rpc, f.status.Code(), f.status.Message())
		}
		return nil
	})
}

func messages(_ context.Context, t *trial) error {
	return everyFailure(t, func(f failure) error {
		if f.status.Message() == "" {
			return fmt.Errorf("%s answered %s without a message", f.rpc, f.status.Code())
		}
		return nil
	})
}

func noDetails(_ context.Context, t *trial) error {
	return everyFailure(t, func(f failure) error {
		if n := len(f.status.Proto().GetDetails()); n > 0 {
			return fmt.Errorf("%s answered %s with %d details", f.rpc, f.status.Code(), n)
		}
		return nil
	})
}

// noSecrets looks for every secret that was granted, in the messages of all errors and in the driver's log.
func noSecrets(_ context.Context, t *trial) error {
	secrets, failures, log := t.secretsSeen(), t.seen(), ""
	if t.cfg.Log != nil {
		log = t.cfg.Log()
	}
	switch {
	case len(secrets) == 0:
		return skipError("the driver has granted no secret")
	case len(failures) == 0 && log == "":
		return skipError("the driver has answered no error, and there is no log")
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			return errors.New("the driver's log holds a secret that it granted")
		}
		for _, f := range failures {
			if strings.Contains(f.status.Message(), secret) {
				return fmt.Errorf("an error of %s holds a secret that the driver granted", f.rpc)
			}
		}
	}
	return nil
}
