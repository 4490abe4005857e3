package driver_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// site is a store of one of the kinds that the driver serves, with one who may do everything there.
type site struct {
	gateway.Store // with the driver's own key
	kind          driver.Kind
	nameless      bool // it does not name its answers; no real one is so
	administrator administrator
}

func gatewaySite(store gateway.Store) site {
	return site{Store: store, kind: driver.AWS, administrator: administer(store)}
}

// settings returns those of a driver on the store.
func (s site) settings(t *testing.T) driver.Settings {
	t.Helper()
	all := settings(t, s.Store)
	all.Store = s.kind
	return all
}

// makeForeign makes a bucket that the driver did not make, in the account whose buckets it sees. One without any tags would be
// the driver's on Ceph.
func (a administrator) makeForeign(ctx context.Context, name string) error {
	_, err := a.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	if err == nil && a.ceph != nil {
		_, err = a.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name, Tagging: &types.Tagging{TagSet: []types.Tag{
			{Key: aws.String("team"), Value: aws.String("archive")},
		}}})
	}
	return err
}
