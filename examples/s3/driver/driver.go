// Package driver is a COSI driver for stores that speak S3, with users like those of AWS IAM or of Ceph. A bucket is a bucket of
// the store. An access is a user with one key and one policy, for that one bucket. The driver keeps no state of its own: what it
// must remember lies in the store, in tags of the bucket and of the user, so that it can end at any moment and go on where it
// was.
package driver

import (
	"sync/atomic"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// Name is the driver's name, unless X_COSI_DRIVER_NAME says otherwise.
const Name = "s3.gocosi.example.com"

// New returns the driver for a store. It does not talk to the store yet.
func New(settings Settings, options ...gocosi.Option) (*gocosi.Driver, error) {
	p := newProvisioner(settings)
	options = append([]gocosi.Option{gocosi.WithReady(p.ready)}, options...)
	return gocosi.New(gocosi.NewIdentity(Name), p, options...)
}

// provisioner answers the sidecar's calls: buckets in bucket.go, accesses in access.go.
type provisioner struct {
	cosi.UnimplementedProvisionerServer
	store
	settings  Settings
	accounts  accounts
	keepsTags atomic.Bool // the store was seen to keep the tags that a bucket is made with
}

func newProvisioner(settings Settings) *provisioner {
	settings = settings.connected()
	settings.NoCreationTags = settings.NoCreationTags || settings.Store == Ceph // which refuses them
	return &provisioner{store: newStore(settings), settings: settings, accounts: newAccounts(settings)}
}
