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
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
	"github.com/doomshrine/gocosi/internal/statuses"
)

// generalCases returns cases that come late: several of them check the responses to all calls so far, besides their
// own.
func generalCases() []Case {
	return []Case{
		newCase("GEN-3", everyMethod),
		newCase("GEN-10", createAtOnce),
		newCase("GEN-15", createCutShort),
		newCase("GEN-15 delete", deleteCutOff),
		newCase("GEN-15 grant", grantCutShort),
		newCase("GEN-15 revoke", revokeCutOff),
		newCase("GRANT-11", grantNeverExists),
		newCase("GRANT-11 conflict", grantConflict),
		newCase("GEN-9", longName),
		newCase("GEN-9 answers", sizes),
		newCase("GEN-12", nothingBeside),
		newCase("GEN-4", canonicalCodes),
		newCase("GEN-5", messages),
		newCase("GEN-6", noDetails),
		newCase("GEN-11", noSecrets),
		newCase("GEN-11 log", noSecretsInLog),
	}
}

// everyMethod calls each method with a request that does no harm, and looks whether the server knows it.
func everyMethod(ctx context.Context, t *trial) error {
	if _, err := t.bucket(ctx); gone(err) {
		return err
	}
	if _, create := t.createBucket(ctx, "", t.cfg.BucketParameters); missing(create) {
		return missed("nothing shows whether the Provisioner server has its methods", errors.New("DriverCreateBucket does not exist, which CREATE-1 reports"))
	}
	_, grant := t.give(ctx, &cosi.DriverGrantBucketAccessRequest{})
	stranger := revokeRequest(bucket{id: bucketName()}, access{account: accountName()})
	for _, each := range []struct { // but those that INFO-1 and CREATE-1 report
		rpc string
		err error
	}{
		{rules.Delete, t.remove(ctx, bucketName())},
		{rules.Grant, grant},
		{rules.Revoke, t.revoke(ctx, stranger)},
	} {
		if missing(each.err) {
			return fmt.Errorf("%s does not exist: %s", each.rpc, status.Convert(each.err).Message())
		}
	}
	return nil
}

// sizes looks at everything that the driver has answered so far.
func sizes(ctx context.Context, t *trial) error {
	_, _, err := t.bucketWithAccess(ctx)
	for _, f := range t.tooLarge() {
		return fmt.Errorf("%s answered a message that is too large: %s", f.rpc, f.text)
	}
	return err
}

// longName asks for two buckets whose names differ in the 129th byte alone. To refuse them is right, and so is to take them
// whole; what must not be is that one becomes the other.
func longName(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	other, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	if b.id == other.id {
		return missed("names cannot be told apart by their ids", errors.New("two short ones have the same, which CREATE-5 reports"))
	}
	first, err := t.createBucket(ctx, overlong("x"), t.cfg.BucketParameters)
	if err != nil {
		return longRefused("a name of 129 bytes", err)
	}
	second, err := t.createBucket(ctx, overlong("y"), t.cfg.BucketParameters)
	switch id := first.GetBucketId(); {
	case err == nil && second.GetBucketId() == id:
		return errors.New("a name of 129 bytes is accepted and truncated: two such names have one bucket")
	case status.Code(err) == codes.AlreadyExists:
		return fmt.Errorf("a name of 129 bytes is accepted and truncated: another such name is refused with %s", said(err))
	case err != nil:
		return longRefused("another name of 129 bytes", err)
	case len(id) > rules.MaxString && !strings.Contains(id, overlong("x")):
		return fmt.Errorf("a name of 129 bytes is accepted, and its bucket_id has %d bytes", len(id))
	}
	return nil
}

// longRefused takes any refusal of what is too long.
func longRefused(what string, err error) error {
	err = refused(what, err, codes.InvalidArgument, codes.OutOfRange)
	if err == nil || unsupported(err) || gone(err) {
		return err
	}
	return adviceError{err}
}

// createAtOnce makes one bucket by many calls side by side.
func createAtOnce(ctx context.Context, t *trial) error {
	if err := t.plainBucket(ctx); err != nil {
		return err
	}
	name, err := t.takenName(ctx)
	if err != nil {
		return err
	}
	ids := make([]string, t.cfg.Parallel)
	for i, err := range atOnce(t.cfg.Parallel, func(i int) error {
		response, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
		ids[i] = response.GetBucketId()
		return err
	}) {
		if err != nil {
			return accepted(fmt.Sprintf("create %d of %d at once for one name", i+1, t.cfg.Parallel), err)
		}
	}
	for _, id := range ids {
		if id != ids[0] {
			return fmt.Errorf("created at once, one name has the ids %q and %q", t.shown(ids[0]), t.shown(id))
		}
	}
	return nil
}

// createCutShort cancels a create at different moments, and repeats it until the end.
func createCutShort(ctx context.Context, t *trial) error {
	if err := t.plainBucket(ctx); err != nil {
		return err
	}
	return t.eachCutCreate(ctx, func(name string) error {
		first, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
		if err != nil {
			return accepted("a repeat of a create that was cut short", err)
		}
		again, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
		if err != nil {
			return accepted("a second repeat of a create that was cut short", err)
		}
		if again.GetBucketId() != first.GetBucketId() {
			return fmt.Errorf("after a create that was cut short, repeats return the ids %q and %q", t.shown(first.GetBucketId()), t.shown(again.GetBucketId()))
		}
		return nil
	})
}

// deleteCutOff cancels a delete at different moments, and repeats it until the end: its name can be used again.
func deleteCutOff(ctx context.Context, t *trial) error {
	if err := t.plainBucket(ctx); err != nil {
		return err
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	moments, err := timed(func() error { return t.remove(ctx, b.id) })
	if err != nil {
		return missed("a bucket cannot be deleted", err)
	}
	for _, moment := range moments {
		b, err := t.bucket(ctx)
		if err != nil {
			return err
		}
		cutShort(ctx, moment, func(ctx context.Context) { _ = t.remove(ctx, b.id) })
		if err := t.remove(ctx, b.id); err != nil {
			return accepted("a repeat of a delete that was cut short", err)
		}
		if _, err := t.createBucket(ctx, b.name, t.cfg.BucketParameters); err != nil {
			return accepted("a create after a delete that was cut short and repeated", err)
		}
	}
	return nil
}

// grantCutShort does the same with a grant, each time of a bucket of its own: some stores keep few accesses for one.
func grantCutShort(ctx context.Context, t *trial) error {
	request, first, err := t.answer(ctx)
	if err != nil {
		return err
	}
	again, err := t.give(ctx, request)
	if err := cmp.Or(err, t.sameGrant(first, again)); err != nil {
		return missed("even a grant that was not cut short cannot be repeated as GRANT-5 asks for", err)
	}
	moments, err := timed(func() error { _, _, err := t.answer(ctx); return err })
	if err != nil {
		return err
	}
	for _, moment := range moments {
		b, err := t.bucket(ctx)
		if err != nil {
			return err
		}
		request := t.request(ctx, b)
		cutShort(ctx, moment, func(ctx context.Context) { _, _ = t.give(ctx, request) })
		first, err := t.give(ctx, request)
		if err != nil {
			return granted("a repeat of a grant that was cut short", err)
		}
		again, err := t.give(ctx, request)
		if err != nil {
			return granted("a second repeat of a grant that was cut short", err)
		}
		if err := t.sameGrant(first, again); err != nil {
			return fmt.Errorf("a grant that was cut short is repeated twice, and %w", err)
		}
	}
	return nil
}

// revokeCutOff does the same with a revoke.
func revokeCutOff(ctx context.Context, t *trial) error {
	if err := t.plainAccess(ctx); err != nil {
		return err
	}
	if err := t.plainEnd(ctx); err != nil {
		return err
	}
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	moments, err := timed(func() error { return t.revoke(ctx, revokeRequest(b, a)) })
	if err != nil {
		return missed("the access cannot be revoked", err)
	}
	for _, moment := range moments {
		b, a, err := t.bucketWithAccess(ctx)
		if err != nil {
			return err
		}
		cutShort(ctx, moment, func(ctx context.Context) { _ = t.revoke(ctx, revokeRequest(b, a)) })
		if err := t.revoke(ctx, revokeRequest(b, a)); err != nil {
			return accepted("a repeat of a revoke that was cut short", err)
		}
		if t.cfg.Access == nil {
			continue
		}
		if err := t.barred(ctx, b, a, "after a revoke that was cut short and repeated, the credentials still work"); err != nil {
			return err
		}
	}
	return nil
}

// grantNeverExists repeats a grant, makes one anew after a revoke and provokes a conflict, if it can. It looks at everything
// that grants have answered so far.
func grantNeverExists(ctx context.Context, t *trial) error {
	request, response, err := t.answer(ctx)
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return err
	}
	_, _ = t.give(ctx, request)
	if err == nil {
		_ = t.revoke(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: request.GetBucketId(), AccountId: response.GetAccountId()})
		_, _ = t.give(ctx, request)
	}
	if len(t.cfg.IncompatibleAccessParameters) > 0 {
		if _, err := t.conflict(ctx); gone(err) {
			return err
		}
	}
	for _, f := range t.seen() {
		if f.rpc == rules.Grant && f.code == codes.AlreadyExists {
			return fmt.Errorf("a grant answered ALREADY_EXISTS: %s", f.text)
		}
	}
	return nil
}

// grantConflict expects a driver not to answer one set of parameters with what was granted for another.
func grantConflict(ctx context.Context, t *trial) error {
	if err := configured(t.cfg.IncompatibleAccessParameters, "Config.IncompatibleAccessParameters (-incompatible-access-parameters)",
		"no parameters of an access exclude each other"); err != nil {
		return err
	}
	answer, err := t.conflict(ctx)
	if err == nil && status.Code(answer) == codes.AlreadyExists {
		return missed("the conflict gets ALREADY_EXISTS, which GRANT-11 reports", answer)
	}
	return cmp.Or(err, refused("the same name with other parameters", answer, codes.FailedPrecondition))
}

// conflict grants one access by two sets of parameters, and returns the answer to the second.
func (t *trial) conflict(ctx context.Context) (answer, err error) {
	request, _, err := t.answer(ctx)
	if err != nil {
		return nil, err
	}
	other := proto.CloneOf(request)
	other.Parameters = t.cfg.IncompatibleAccessParameters
	_, answer = t.give(ctx, other)
	return answer, nil
}

// NoSocketFolder states, as a SocketFolder, that the driver is not on a Unix socket.
const NoSocketFolder = "-"

// nothingBeside lists the folder of the driver's socket before, during and after calls.
func nothingBeside(ctx context.Context, t *trial) error {
	switch t.cfg.SocketFolder {
	case "":
		return needsError("Config.SocketFolder (-socket-folder): the folder of the driver's socket, which is the driver's own and can be read")
	case NoSocketFolder:
		return elsewhereError("the driver is not on a Unix socket")
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

// beside returns an error when the folder holds anything but sockets.
func (t *trial) beside() error {
	entries, err := os.ReadDir(t.cfg.SocketFolder)
	if err != nil {
		return missed("the socket's folder cannot be read", err)
	}
	for _, entry := range entries {
		if entry.Type()&os.ModeSocket == 0 {
			return fmt.Errorf("%s lies next to the socket; if it is not the driver's, give the socket a folder of its own",
				filepath.Join(t.cfg.SocketFolder, entry.Name()))
		}
	}
	return nil
}

// provoke makes requests that a driver refuses, and that do no harm where it does not.
func (t *trial) provoke(ctx context.Context) error {
	if _, err := t.createBucket(ctx, "", t.cfg.BucketParameters); gone(err) {
		return err
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return nil //nolint:nilerr // what could be provoked is there
	}
	for _, spoil := range []func(*cosi.DriverGrantBucketAccessRequest){
		func(r *cosi.DriverGrantBucketAccessRequest) { r.Name = "" },
		func(r *cosi.DriverGrantBucketAccessRequest) { r.AuthenticationType = 99 },
		func(r *cosi.DriverGrantBucketAccessRequest) { r.BucketId = strangers(bucketName())[0] },
		func(r *cosi.DriverGrantBucketAccessRequest) { r.Parameters = withUnknown(r.GetParameters()) },
	} {
		request := t.request(ctx, b)
		spoil(request)
		if _, err := t.give(ctx, request); gone(err) {
			return err
		}
	}
	return nil
}

// everyFailure looks at each error that the driver has answered, to requests of this case and to all before; there must be
// one to look at.
func everyFailure(look func(failure) error) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if err := t.provoke(ctx); err != nil {
			return err
		}
		failures := t.seen()
		if len(failures) == 0 {
			return elsewhereError("the driver has not answered an error")
		}
		for _, f := range failures {
			if err := look(f); err != nil {
				return err
			}
		}
		return nil
	}
}

func canonicalCodes(ctx context.Context, t *trial) error {
	return everyFailure(func(f failure) error {
		if !canonical(f.code) {
			return fmt.Errorf("%s answered %s: %q", f.rpc, statuses.Name(f.code), f.text)
		}
		return nil
	})(ctx, t)
}

func messages(ctx context.Context, t *trial) error {
	return everyFailure(func(f failure) error {
		if f.text == "" {
			return fmt.Errorf("%s answered %s without a message", f.rpc, statuses.Name(f.code))
		}
		return nil
	})(ctx, t)
}

func noDetails(ctx context.Context, t *trial) error {
	return everyFailure(func(f failure) error {
		if f.details > 0 {
			return fmt.Errorf("%s answered %s with %d details", f.rpc, statuses.Name(f.code), f.details)
		}
		return nil
	})(ctx, t)
}

// noSecrets looks for every secret that was granted in the messages of all errors.
func noSecrets(ctx context.Context, t *trial) error {
	request, _, err := t.answer(ctx)
	if err != nil {
		return err
	}
	if err := t.provoke(ctx); err != nil {
		return err
	}
	if len(t.cfg.IncompatibleAccessParameters) > 0 {
		request.Parameters = t.cfg.IncompatibleAccessParameters
		_, _ = t.give(ctx, request)
	}
	leaks, secrets := t.leaked()
	if len(secrets) == 0 {
		return elsewhereError("the driver grants no secret")
	}
	for _, f := range leaks {
		return fmt.Errorf("an error of %s holds a secret that the driver granted: %s: %s", f.rpc, statuses.Name(f.code), f.text)
	}
	return nil
}

// noSecretsInLog looks for them in the driver's log.
func noSecretsInLog(ctx context.Context, t *trial) error {
	if t.cfg.Log == nil {
		return needsError("Config.Log (-log FILE): what the driver logs")
	}
	if _, _, err := t.answer(ctx); err != nil {
		return err
	}
	_, secrets := t.leaked()
	switch log := t.cfg.Log(); {
	case len(secrets) == 0:
		return elsewhereError("the driver grants no secret")
	case log == "":
		return missedError{errors.New("the log is empty, so nobody knows whether it is the driver's")}
	case holds(log, secrets):
		return errors.New("the driver's log holds a secret that it granted")
	}
	return nil
}
