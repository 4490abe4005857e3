package cositest

import (
	"context"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// Config tells the kit what it cannot know about a driver. Its zero value is useful. One Config serves several runs, even
// concurrent ones, if its functions do.
type Config struct {
	// BucketParameters and AccessParameters are the parameters of the classes to test with. nil: none.
	BucketParameters map[string]string
	AccessParameters map[string]string

	// IncompatibleBucketParameters are parameters that a bucket with BucketParameters cannot have as well (CREATE-4). nil:
	// the case is not configured. Empty: no parameters of this driver exclude each other, and the case does not apply.
	IncompatibleBucketParameters map[string]string
	// IncompatibleAccessParameters do the same for an access (GRANT-11 conflict).
	IncompatibleAccessParameters map[string]string

	// AuthenticationTypes are the types that the driver supports: each must work, and the kit uses the first where the type
	// does not matter. nil: the kit tries both, and at least one must work.
	AuthenticationTypes []cosi.AuthenticationType

	// BadBucketName is a name that the store cannot use (CREATE-6). "": the kit tries a name that few stores can use, and the
	// driver may accept it.
	BadBucketName string
	// UnprovisionableParameters are parameters that the driver cannot provision (CREATE-7). nil: the case is not configured.
	// Empty: there are none, and the case does not apply.
	UnprovisionableParameters map[string]string

	// Destructive lets the kit send requests that could destroy more than its own buckets if the driver does not refuse them:
	// a delete without an id (DELETE-1), revokes without a bucket or an account (REVOKE-1, REVOKE-2). Use it with a store that
	// holds nothing valuable. Even then the kit sends them only to a driver that refuses harmless requests of the kind.
	Destructive bool

	// Repeat is how often the kit repeats a call where repeats matter. 0: 3.
	Repeat int
	// Parallel is how many calls run side by side where that matters. 0: 80, as the released sidecar may.
	Parallel int
	// Timeout is how long a call may take; the driver does not see it. The kit no longer calls a method that did not respond
	// in two cases. It waits as long for a driver that died. 0: 10 seconds.
	Timeout time.Duration

	// Skip says why a case is left out, by its name or by the rule's ID.
	Skip map[string]string
	// Only, if not nil, says whether to run a case; the report leaves the others out.
	Only func(Case) bool

	// SocketFolder is the folder of the driver's socket, if the kit can read it (GEN-12). "": the case is not configured.
	// NoSocketFolder: the driver is not on a Unix socket, and the case does not apply.
	SocketFolder string
	// Log returns what the driver has logged so far (GEN-11). nil: the kit checks only error messages.
	Log func() string

	// Access says whether the store lets credentials do what use expects, by the store's own protocol. An error means that
	// it could not find out, which counts neither way. If a new key, or the end of one, takes a while to take effect in the
	// store, Access waits for the expected state. Once in a run, the kit asks about credentials that it made up, which must not
	// work. The kit makes one call at a time. nil: what needs it is not configured.
	Access func(ctx context.Context, use Use) (asExpected bool, err error)
	// MakeForeignBucket creates a bucket behind the driver's back that somebody else owns, and returns its name, its id
	// and how to remove it (CREATE-13, DELETE-5). nil: these cases are not configured.
	MakeForeignBucket func(ctx context.Context) (foreign Foreign, err error)
	// CountAccounts says how many accounts the store has (GRANT-5, GRANT-12). A grant has to raise the number; always 0 states
	// that the store has no accounts. nil: that part of the cases is left out.
	CountAccounts func(ctx context.Context) (int, error)
	// Outage takes the store away from the driver (begin), or gives it back (not begin). It returns when that is done. nil:
	// the cases of the family OUTAGE are not configured.
	Outage func(ctx context.Context, begin bool) error
	// Restart restarts the driver, and returns when it is started again (NEXT-1). The connection has to end. nil: that part of
	// the case is left out.
	Restart func(ctx context.Context) error

	// Secrets are further texts that no report may show, besides what the driver grants, such as values of parameters. The
	// kit does not look for those of fewer than six bytes. nil: none.
	Secrets []string
	// Strict fails a run that leaves a demand of the specification (a MUST or MUST NOT) unchecked.
	Strict bool

	// OnResult receives each result after its case, in order. nil: nothing is called.
	OnResult func(Result)
}

// Expectation says what credentials are expected to do on a bucket.
type Expectation string

// The expectations.
const (
	Granted Expectation = "granted" // the store lets them put an object, and get it back
	Denied  Expectation = "denied"  // the store refuses that
)

// Use tells a [Config.Access] hook what to do with credentials: put an object, get it back, and say whether the store
// accepts or refuses that, as expected.
type Use struct {
	BucketName  string // the name given to DriverCreateBucket
	BucketID    string
	Credentials map[string]*cosi.CredentialDetails
	Expect      Expectation
	// Keep asks the hook to leave the object there. Otherwise the hook removes it, and so any object left there before: all
	// of them have one name.
	Keep bool

	access string // whose credentials these are, in a case's story
}

// Foreign describes a bucket that the driver did not create.
type Foreign struct {
	Name string
	ID   string // the id by which an administrator would register it as an existing bucket
	// DeleteContext has the parameters by which the administrator would allow deleting it. nil: BucketParameters.
	DeleteContext map[string]string
	// Remove removes it, if it still exists. nil: nothing does.
	Remove func(context.Context) error
	// Exists says whether it still exists. nil: the kit does not check what the driver did to it.
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
