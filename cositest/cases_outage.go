package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// outageCases take the store away from the driver, and give it back.
func outageCases() []Case {
	return []Case{
		newCase("OUTAGE-1", needsOutage(outageCreate)),
		newCase("OUTAGE-2", needsOutage(outageDelete)),
		newCase("OUTAGE-3", needsOutage(outageGrant)),
		newCase("OUTAGE-4", needsOutage(outageRevoke)),
		newCase("OUTAGE-5", needsOutage(outageInfo)),
		newCase("OUTAGE-6", needsOutage(outageEnds)),
	}
}

func needsOutage(run func(context.Context, *trial) error) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if t.cfg.Outage == nil {
			return needsError("the hook Config.Outage (-outage-command)")
		}
		return run(ctx, t)
	}
}

// outage takes the store away while something is done. It gives the store back whatever happens; when that fails, nothing
// more can be told of this driver.
func (t *trial) outage(ctx context.Context, during func()) error {
	if err := t.cfg.Outage(ctx, true); err != nil {
		return missed("the hook Config.Outage (-outage-command) could not take the store away", cmp.Or(err, t.restore(ctx)))
	}
	t.away.Store(true)
	during()
	t.away.Store(false)
	return t.restore(ctx)
}

func (t *trial) restore(ctx context.Context) error {
	err := t.cfg.Outage(context.WithoutCancel(ctx), false)
	if err != nil {
		t.broken = fmt.Errorf("the hook Config.Outage (-outage-command) could not give the store back: %w", err)
		return missedError{t.broken}
	}
	return nil
}

// passing are the codes that tell of trouble that passes.
func passing() []codes.Code {
	return []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Aborted}
}

// idleOutage is what the kit cannot tell from a driver that returns OK.
const idleOutage = "the hook Config.Outage (-outage-command) did not take it away"

// away expects the answer that a call may get while the store is away.
func away(what string, err error) error {
	if unsupported(err) {
		return err
	}
	silent, hangs := errors.AsType[silentError](err)
	switch code := status.Code(err); {
	case err == nil:
		return fmt.Errorf("while the store is away, %s is answered with OK; want UNAVAILABLE, unless %s", what, idleOutage)
	case hangs && silent.uncalled:
		return missed("the call was not made", err)
	case hangs:
		return adviceError{fmt.Errorf("while the store is away, %w; want UNAVAILABLE soon", err)}
	case gone(err):
		return fmt.Errorf("%s is not answered: %w", what, err)
	case slices.Contains(passing(), code), !canonical(code): // GEN-4 reports what is no code
		return nil
	case code == codes.Internal:
		return adviceError{fmt.Errorf("while the store is away, %s is refused with %s; want UNAVAILABLE, which says that this is temporary", what, said(err))}
	}
	return fmt.Errorf("while the store is away, %s is refused with %s; want UNAVAILABLE: this code blames the request, but the trouble is temporary",
		what, said(err))
}

// outageOf makes one call while the store is away.
func outageOf(ctx context.Context, t *trial, what string, call func() error) error {
	var answer error
	if err := t.outage(ctx, func() { answer = call() }); err != nil {
		return err
	}
	return away(what, answer)
}

func outageCreate(ctx context.Context, t *trial) error {
	name, err := t.takenName(ctx)
	if err != nil {
		return err
	}
	return outageOf(ctx, t, "a create", func() error {
		_, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
		return err
	})
}

func outageDelete(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	return outageOf(ctx, t, "a delete", func() error { return t.remove(ctx, b.id) })
}

func outageGrant(ctx context.Context, t *trial) error {
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	if _, err := t.access(ctx, b); err != nil {
		return err
	}
	request := t.request(ctx, b)
	return outageOf(ctx, t, "a grant", func() error {
		_, err := t.give(ctx, request)
		return err
	})
}

func outageRevoke(ctx context.Context, t *trial) error {
	if err := t.plainRevoke(ctx); err != nil {
		return err
	}
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	return outageOf(ctx, t, "a revoke", func() error { return t.revoke(ctx, revokeRequest(b, a)) })
}

func outageInfo(ctx context.Context, t *trial) error {
	if _, err := t.name(ctx); err != nil {
		return err
	}
	var answer error
	if err := t.outage(ctx, func() { _, answer = t.getInfo(ctx) }); err != nil {
		return err
	}
	return accepted("DriverGetInfo, while the store is away,", answer)
}

// outageEnds makes one call of each kind while the store is away, and repeats them when it is back.
func outageEnds(ctx context.Context, t *trial) error {
	if err := cmp.Or(t.plainBucket(ctx), t.plainAccess(ctx)); err != nil {
		return err
	}
	if err := t.plainEnd(ctx); err != nil {
		return err
	}
	b, kept, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	ended, err := t.access(ctx, b)
	if err != nil {
		return err
	}
	doomed, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	name, err := t.takenName(ctx)
	if err != nil {
		return err
	}
	request := t.request(ctx, b)
	var made *cosi.DriverCreateBucketResponse
	var given *cosi.DriverGrantBucketAccessResponse
	calls := []struct {
		what string
		call func() error
	}{
		{rules.Create, func() (err error) { made, err = t.createBucket(ctx, name, t.cfg.BucketParameters); return err }},
		{rules.Grant, func() (err error) { given, err = t.give(ctx, request); return err }},
		{rules.Revoke, func() error { return t.revoke(ctx, revokeRequest(b, ended)) }},
		{rules.Delete, func() error { return t.remove(ctx, doomed.id) }},
	}
	var answers []error
	if err := t.outage(ctx, func() {
		answers = atOnce(len(calls), func(i int) error { return calls[i].call() })
	}); err != nil {
		return err
	}
	if err := met(answers); err != nil {
		return err
	}
	for _, c := range calls {
		if err := t.untilBack(ctx, c.call); err != nil {
			return accepted(fmt.Sprintf("a repeat of %s after the store is back", c.what), err)
		}
	}
	if err := t.sameBucket(ctx, bucket{name, made.GetBucketId()}); err != nil {
		return fmt.Errorf("of the bucket whose create the outage met: %w", err)
	}
	if t.cfg.Access == nil {
		return nil
	}
	fresh := access{request.GetName(), given.GetAccountId(), given.GetCredentials()}
	return cmp.Or(
		t.barred(ctx, b, ended, "the credentials whose revoke met the outage still work"),
		t.use(ctx, b, fresh, "the credentials whose grant the outage met do not work"),
		t.use(ctx, b, kept, "credentials that were there before the outage do not work"))
}

// met returns an error for an outage that none of several calls met.
func met(answers []error) error {
	if slices.ContainsFunc(answers, func(err error) bool { return err != nil }) {
		return nil
	}
	return missedError{errors.New("no call fails while the store is away: the driver breaks OUTAGE-1 to OUTAGE-4, or " + idleOutage)}
}

// untilBack repeats a call as the sidecar does, while its answer tells of trouble that passes.
func (t *trial) untilBack(ctx context.Context, call func() error) error {
	const again = 100 * time.Millisecond
	for deadline := time.Now().Add(t.cfg.Timeout); ; {
		err := call()
		passes := slices.Contains(passing(), status.Code(err)) || status.Code(err) == codes.Internal
		if err == nil || gone(err) || !passes || time.Now().After(deadline) || !sleep(ctx, again) {
			return err
		}
	}
}
