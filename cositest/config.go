package cositest

import (
	"context"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// Config tells the kit what it cannot know of a driver. Its zero value is useful. One Config serves several runs, also at
// once, if its functions do.
type Config struct {
	// BucketParameters and AccessParameters are those of the classes to test with. nil: none.
	BucketParameters map[string]string
	AccessParameters map[string]string

	// IncompatibleBucketParameters differ from BucketParameters in a way that the same bucket cannot have both
	// (CREATE-4). nil: the case is not configured. Empty: no parameters of this driver exclude each other, and the case does
	// not apply.
	IncompatibleBucketParameters map[string]string
	// IncompatibleAccessParameters do the same for an access (GRANT-11 conflict).
	IncompatibleAccessParameters map[string]string

	// AuthenticationTypes are those that the driver supports: each must work, and the first is used where it does not
	// matter. nil: both are tried, and at least one must work.
	AuthenticationTypes []cosi.AuthenticationType

	// BadBucketName is one that the store cannot take (CREATE-6). "": a name that few stores take is tried, and may be
	// accepted.
	BadBucketName string
	// UnprovisionableParameters cannot be provisioned (CREATE-7). nil: the case is not configured. Empty: there are none,
	// and the case does not apply.
	UnprovisionableParameters map[string]string

	// Destructive lets the kit send what could destroy more than its own buckets, if the driver does not refuse it as it
	// must: a delete without an id (DELETE-1), revokes without a bucket or an account (REVOKE-1, REVOKE-2). For a store
	// that holds nothing of worth. Even then they are sent only to a driver that refuses harmless requests of the kind.
	Destructive bool

	// Repeat is how often a call is repeated where repeats matter. 0: 3.
	Repeat int
	// Parallel is how many calls run side by side where that matters. 0: 80, as the released sidecar may.
	Parallel int
	// Timeout is how long a call may take; the driver does not see it. A method that two cases have waited for in vain is
	// called no more. A driver that died is awaited as long. 0: 10 seconds.
	Timeout time.Duration

	// Skip says why a case is left out, by its name or by the rule's ID.
	Skip map[string]string
	// Only, if not nil, says whether a case is looked at; those that are not are left out of the report.
	Only func(Case) bool

	// SocketFolder is the folder of the driver's socket, if the kit can read it (GEN-12). "": the case is not configured.
	// NoSocketFolder: the driver is not on a Unix socket, and the case does not apply.
	SocketFolder string
	// Log returns what the driver has logged so far (GEN-11). nil: only error messages are looked at.
	Log func() string

	// Access says whether the store lets credentials do what use expects, by the store's own protocol. An error means that
	// this could not be told, which counts for nothing. In a store where a new key, or the end of one, takes a while to
	// show, it waits for what is expected. It is not called at once with itself. nil: what needs it is not configured.
	Access func(ctx context.Context, use Use) (asExpected bool, err error)
	// MakeForeignBucket makes a bucket behind the driver's back that somebody else owns, and returns its name, its id
	// and how it is removed (CREATE-13, DELETE-5). nil: these cases are not configured.
	MakeForeignBucket func(ctx context.Context) (foreign Foreign, err error)
	// CountAccounts says how many accounts the store has (GRANT-5, GRANT-12). nil: that part of the cases is left out.
	CountAccounts func(ctx context.Context) (int, error)
	// Outage takes the store away from the driver (begin), or gives it back (not begin). It returns when that is so. nil:
	// the cases of the family OUTAGE are not configured.
	Outage func(ctx context.Context, begin bool) error
	// Restart restarts the driver, and returns when it is started again (NEXT-1). nil: that part of the case is left out.
	Restart func(ctx context.Context) error

	// Secrets are texts that no report may show beside what the driver grants, such as values of parameters. Those of fewer
	// than six bytes are not looked for. nil: none.
	Secrets []string
	// Strict fails a run that leaves something unchecked that the specification demands (a MUST or MUST NOT).
	Strict bool

	// OnResult is called after each case, in order. nil: nothing is called.
	OnResult func(Result)
}

// Expectation is what credentials are expected to do on a bucket.
type Expectation string

// The expectations.
const (
	Granted Expectation = "granted" // an object can be put, and got back
	Denied  Expectation = "denied"  // the store refuses that
)

// Use is what a [Config.Access] hook has to do with credentials: put an object and get it back. It says whether the store
// lets it do so or refuses it, as expected.
type Use struct {
	BucketName  string // the name given to DriverCreateBucket
	BucketID    string
	Credentials map[string]*cosi.CredentialDetails
	Expect      Expectation
	// Keep asks to leave the object there. Otherwise it is removed again, and so is one that was left there before: all of
	// them have one name.
	Keep bool

	access string // whose credentials these are, in a case's story
}

// Foreign is a bucket that the driver did not make.
type Foreign struct {
	Name string
	ID   string // the id by which an administrator would enter it as an existing bucket
	// DeleteContext are the parameters by which the administrator would allow to delete it. nil: BucketParameters do.
	DeleteContext map[string]string
	// Remove removes it, if it is still there. nil: nothing does.
	Remove func(context.Context) error
	// Exists says whether it is still there. nil: nobody knows, and what the driver did to it is not looked at.
	Exists func(context.Context) (bool, error)
}

const (
	defaultRepeat   = 3
	defaultParallel = 80
	defaultTimeout  = 10 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Repeat <= 0 {
		c.Repeat = defaultRepeat
	}
	if c.Parallel <= 0 {
		c.Parallel = defaultParallel
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	return c
}

// skipped returns why a case is left out; "" when it is not.
func (c Config) skipped(k Case) string {
	if reason := c.Skip[k.Name]; reason != "" {
		return reason
	}
	return c.Skip[k.ID]
}
