package gocosi_test

import (
	"context"
	"fmt"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// photos implements a Provisioner server whose only bucket is named photos.
type photos struct {
	cosi.UnimplementedProvisionerServer
}

func (*photos) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{BucketId: "photos", BucketInfo: harness.S3Info()}, nil
}

// createPhotos serves a driver, makes one call, and stops it.
func createPhotos(driver *gocosi.Driver) {
	if err := harness.CreateOnce(driver, "photos"); err != nil {
		fmt.Println(err)
	}
}
