package gocosi_test

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
)

// photos is a Provisioner server whose only bucket is named photos.
type photos struct {
	cosi.UnimplementedProvisionerServer
}

func (*photos) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{BucketId: "photos", BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{}}}}, nil
}

// createPhotos serves a driver on a socket of its own, makes one call, and stops it.
func createPhotos(driver *gocosi.Driver) {
	folder, err := os.MkdirTemp("", "cosi")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "cosi.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- driver.Serve(ctx, lis) }()
	if err := callCreate(ctx, path); err != nil {
		fmt.Println(err)
	}
	stop()
	if err := <-ended; err != nil {
		fmt.Println(err)
	}
}

func callCreate(ctx context.Context, path string) error {
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = cosi.NewProvisionerClient(conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "photos"})
	return err
}
