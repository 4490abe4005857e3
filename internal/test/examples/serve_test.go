// Package examples_test shows gocosi with modules that gocosi does not require.
package examples_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// photos implements a Provisioner server whose only bucket is named photos.
type photos struct {
	cosi.UnimplementedProvisionerServer
}

func (*photos) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{
		BucketId:   "photos",
		BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{SignatureVersion: cosi.S3SignatureVersion_S3V4}}},
	}, nil
}

// createPhotos serves a driver on a new socket, makes one call, and stops the driver.
func createPhotos(driver *gocosi.Driver) {
	if err := serve(driver); err != nil {
		fmt.Println(err)
	}
}

func serve(driver *gocosi.Driver) error {
	folder, err := sockdir.Make()
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "cosi.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- driver.Serve(ctx, lis) }()
	err = call(ctx, path)
	stop()
	if failed := <-ended; failed != nil {
		return failed
	}
	return err
}

func call(ctx context.Context, path string) error {
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = cosi.NewProvisionerClient(conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "photos"})
	return err
}
