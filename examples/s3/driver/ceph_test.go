//go:build unix

package driver_test

import (
	"flag"
	"os"
	"testing"

	"github.com/ceph/go-ceph/rgw/admin"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/ceph"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// envCeph names the folder with Ceph's unpacked packages; make test-ceph sets it.
const envCeph = "CEPH"

var cephFull = flag.Bool("ceph-full", false, "run the whole fault matrix, the conformance kit with 80 calls at once, and 200 kills, on Ceph")

// fewKills is how many there are without that flag.
const fewKills = 25

// cephSite returns a cluster that runs for as long as the test does.
func cephSite(t *testing.T) site {
	t.Helper()
	root := os.Getenv(envCeph)
	if root == "" {
		t.Skipf("%s names no folder with Ceph's programs; make test-ceph fetches them", envCeph)
	}
	cluster, err := ceph.Start(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	api, err := admin.New(cluster.Endpoint, cluster.Administrator.AccessKey, cluster.Administrator.SecretKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := gateway.Store{
		Endpoint: cluster.Endpoint, IAMEndpoint: cluster.Endpoint, Region: cluster.Region,
		AccessKey: cluster.Driver.AccessKey, SecretKey: cluster.Driver.SecretKey,
	}
	s := site{Store: store, kind: driver.Ceph, administrator: administer(store)}
	s.administrator.ceph = api
	return s
}

// TestCeph runs one cluster for all of its parts, one after the other.
func TestCeph(t *testing.T) { //nolint:paralleltest // the kit counts the store's users
	store := cephSite(t)
	t.Run("odd keys", func(t *testing.T) { emptyOnCeph(t, store) })
	t.Run("keys that XML does not have", func(t *testing.T) { manyControlsOnCeph(t, store) })
	t.Run("another account's bucket", func(t *testing.T) { othersOnCeph(t, store) })
	if *cephFull {
		t.Run("conformance", func(t *testing.T) { conform(t, store, manyAtOnce) })
		t.Run("conformance, handlers alone", func(t *testing.T) { conform(t, store, fewAtOnce, handlersAlone()...) })
	} else {
		t.Run("conformance", func(t *testing.T) { conform(t, store, fewAtOnce) })
	}
	t.Run("requests", func(t *testing.T) { countRequests(t, store, mostOfCeph) })
	t.Run("measured requests", func(t *testing.T) { measureLife(t, store) })
	t.Run("faults", func(t *testing.T) { matrixOnCeph(t, store, *cephFull) })
	t.Run("kills", func(t *testing.T) {
		kills := fewKills
		if *cephFull {
			kills = manyKills
		}
		killAgainAndAgain(t, store, kills)
	})
}
