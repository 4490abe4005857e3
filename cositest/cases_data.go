package cositest

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// dataCases use the credentials on the store: most of them do so only if there is a hook for it.
func dataCases() []Case {
	return []Case{
		newCase("CREATE-11", needsAccess(createNamed)),
		newCase("DELETE-6", needsAccess(deleteFull)),
		newCase("GRANT-15", grantAtOnce),
		newCase("REVOKE-3", needsAccess(revokeWorks)),
		newCase("REVOKE-8", revokeGrant),
	}
}

// needsAccess is for a case that has no sense without a hook to use credentials with.
func needsAccess(run func(context.Context, *trial) error) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if t.cfg.Access == nil {
			return needsError("the hook Config.Access (-access-command)")
		}
		return run(ctx, t)
	}
}

// expect says whether the store lets the credentials do on the bucket what is expected. A hook that says no is asked for the
// opposite: one that says no to both is broken, and a program that crashes often ends with the exit code of a no. A hook that
// says yes is asked, once in a run, for what cannot be.
func (t *trial) expect(ctx context.Context, what Expectation, b bucket, a access) (bool, error) {
	use := Use{BucketName: b.name, BucketID: b.id, Credentials: a.credentials, Expect: what, access: a.name}
	ok, err := t.cfg.Access(ctx, use)
	if err == nil && ok {
		err = t.believable(ctx, use)
	}
	if err != nil || ok {
		return ok, untold(err)
	}
	other, err := t.cfg.Access(ctx, opposite(use))
	if err == nil && !other {
		err = errors.New("it says no to both granted and denied")
	}
	return false, untold(err)
}

func untold(err error) error {
	if err == nil {
		return nil
	}
	return missedError{fmt.Errorf("%w: %w", errHook, err)}
}

// use expects credentials to work, or says in words that they do not.
func (t *trial) use(ctx context.Context, b bucket, a access, or string) error {
	ok, err := t.expect(ctx, Granted, b, a)
	if err != nil || ok {
		return err
	}
	request := &cosi.DriverGrantBucketAccessRequest{AuthenticationType: t.authentication()}
	answer := &cosi.DriverGrantBucketAccessResponse{AccountId: "any", Credentials: a.credentials}
	if v := rules.Response(request, answer); v != nil && v.Rule != sizeLimits {
		return missed("the credentials do not work", fmt.Errorf("they break %s, which reports it", v.Rule))
	}
	if secretOf(a.credentials) == "" {
		return needsError("a hook Access that knows how an application gets access by IAM: these credentials have no secret")
	}
	return errors.New(or)
}

// errHook marks what a hook could not tell.
var errHook = errors.New("the hook Config.Access (-access-command) could not tell")

// undecided says that a hook could not tell, as opposed to telling that something does not work.
func undecided(err error) bool { return errors.Is(err, errHook) }

// works says whether there is a hook, and credentials are seen to work by it: if they do not, CREATE-11 reports it, and a case
// tells what it can without them. An error is a hook that could not tell.
func (t *trial) works(ctx context.Context, b bucket, a access) (bool, error) {
	if t.cfg.Access == nil {
		return false, nil
	}
	return sure(t.use(ctx, b, a, "the store refuses them"))
}

// sure is false for whatever went wrong, but for a hook that could not tell.
func sure(err error) (bool, error) {
	if undecided(err) {
		return false, err
	}
	return err == nil, nil
}

// barred expects credentials not to work, or says in words that they do.
func (t *trial) barred(ctx context.Context, b bucket, a access, or string) error {
	ok, err := t.expect(ctx, Denied, b, a)
	if err == nil && !ok {
		return errors.New(or)
	}
	return err
}

// createNamed uses the credentials on the bucket by its name, as an application does.
func createNamed(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	return t.use(ctx, b, a, "no object can be put into a bucket named "+b.name+" with the credentials of a grant")
}

// working is a bucket and an access to it that works.
func (t *trial) working(ctx context.Context) (bucket, access, error) {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return b, a, err
	}
	err = t.use(ctx, b, a, "the store refuses them, which CREATE-11 reports")
	if _, needs := errors.AsType[needsError](err); needs {
		return b, a, err
	}
	if _, told := errors.AsType[missedError](err); told {
		return b, a, err
	}
	return b, a, missed("the credentials do not work", err)
}

func deleteFull(ctx context.Context, t *trial) error {
	b, a, err := t.working(ctx)
	if err != nil {
		return err
	}
	use := Use{BucketName: b.name, BucketID: b.id, Credentials: a.credentials, Expect: Granted, Keep: true, access: a.name}
	if ok, err := t.cfg.Access(ctx, use); err != nil || !ok {
		return missedError{fmt.Errorf("an object cannot be put: %w", orRefused(err))}
	}
	err = t.remove(ctx, b.id)
	use.Keep = false
	if ok, cleared := t.cfg.Access(ctx, use); err != nil && (cleared != nil || !ok) {
		return missedError{fmt.Errorf("the object cannot be removed again: %w", orRefused(cleared))}
	}
	return refused("a bucket that is not empty", err, codes.FailedPrecondition)
}

// orRefused is why a hook did not do what it was asked for.
func orRefused(err error) error {
	if err == nil {
		return errors.New("the store refuses that")
	}
	return err
}

// grantAtOnce grants many accesses to one bucket side by side: all of them must work. That bucket has no others, so that
// Config.Parallel is all that the store has to keep for it.
func grantAtOnce(ctx context.Context, t *trial) error {
	other, first, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	second, err := t.access(ctx, other)
	if err != nil {
		return err
	}
	b, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	alike := apart(first, second) != nil // which GRANT-14 reports
	usable, err := t.works(ctx, other, first)
	if err != nil {
		return err
	}
	all := make([]access, t.cfg.Parallel)
	for i, err := range atOnce(t.cfg.Parallel, func(i int) error {
		request := t.plainRequest(b, t.accessName())
		response, err := t.give(ctx, request)
		all[i] = access{request.GetName(), response.GetAccountId(), response.GetCredentials()}
		return err
	}) {
		if err != nil {
			return granted(fmt.Sprintf("grant %d of %d at once", i+1, t.cfg.Parallel), err)
		}
	}
	owner := map[string]string{}
	for _, a := range all {
		if other, taken := owner[a.account]; taken && !alike {
			return fmt.Errorf("granted at once, %s and %s have the same account_id", other, a.name)
		}
		owner[a.account] = a.name
		if !usable {
			continue
		}
		if err := t.use(ctx, b, a, "granted at once, the credentials of "+a.name+" do not work"); err != nil {
			return err
		}
	}
	return nil
}

// revokeWorks looks whether credentials that work stop working, and those of another account go on.
func revokeWorks(ctx context.Context, t *trial) error {
	b, a, err := t.working(ctx)
	if err != nil {
		return err
	}
	other, err := t.access(ctx, b)
	if err != nil {
		return err
	}
	if err := missed("the credentials do not work before the revoke", t.use(ctx, b, other, "the store refuses them")); err != nil {
		return err
	}
	if err := t.revoke(ctx, revokeRequest(b, a)); err != nil {
		return missed("the access cannot be revoked", err)
	}
	if err := t.barred(ctx, b, a, "the credentials work after the revoke"); err != nil {
		return err
	}
	return t.use(ctx, b, other, "the credentials of another account stopped working")
}

func revokeGrant(ctx context.Context, t *trial) error {
	b, a, err := t.bucketWithAccess(ctx)
	if err != nil {
		return err
	}
	usable, err := t.works(ctx, b, a)
	if err != nil {
		return err
	}
	if err := t.revoke(ctx, revokeRequest(b, a)); err != nil {
		return missed("the access cannot be revoked", err)
	}
	response, err := t.give(ctx, t.plainRequest(b, a.name))
	if err != nil {
		return granted("a grant after the revoke", err)
	}
	if usable {
		again := access{a.name, response.GetAccountId(), response.GetCredentials()}
		if err := t.use(ctx, b, again, "the credentials of a grant after the revoke do not work"); err != nil {
			return err
		}
	}
	if secret := secretOf(a.credentials); secret != "" && secret == secretOf(response.GetCredentials()) {
		return errors.New("a grant after the revoke answers the secret that was revoked: whoever kept a copy of it has access again, " +
			"and if the revoke did nothing at all, it would look like this")
	}
	return nil
}
