package driver

import "context"

// account is an access that is asked for, by the names that the store knows.
type account struct {
	name   string // of a grant, or the id of a revoke
	bucket string
	access access // "": a revoke does not say
}

// accounts is what the driver asks of the users of its store. Stores that speak S3 differ in nothing as much as in these, so
// here is where one kind of store takes the place of another: see iamAccounts and cephAccounts. All of it can be repeated,
// and any step can be the last one that happens.
type accounts interface {
	// ready says why the driver could not make accounts now.
	ready(ctx context.Context) error
	// check refuses a name that the store cannot give to an account.
	check(name string) error
	// id returns the id of an account, by which the sidecar revokes it.
	id(a account) string
	// ensure returns the one key of an account, which has access to nothing yet. It makes the account, or finds the one
	// that an earlier call made, with the same key: the sidecar keeps only what it saw first. An account that is not this
	// driver's, or was granted something else, is FAILED_PRECONDITION and stays as it is.
	ensure(ctx context.Context, a account) (key, error)
	// allow gives an account with this key its access, as the last step: whoever has access has a key that can be returned
	// again.
	allow(ctx context.Context, a account, k key) error
	// remove ends the access of an account, and leaves nothing of it. One that is gone, is not this driver's, or has access
	// to another bucket is a success, and stays as it is.
	remove(ctx context.Context, a account) error
}

func newAccounts(settings Settings) accounts {
	if settings.Store == Ceph {
		return newCephAccounts(settings)
	}
	return newIAMAccounts(settings)
}
