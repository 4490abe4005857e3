package harness

import (
	"context"
	"net"
	"os"
	"path/filepath"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// CreateOnce serves a driver on a socket of its own, makes a bucket, calls what comes then, and stops the driver. It is for
// examples, which have no test.
func CreateOnce(driver *gocosi.Driver, bucket string, then ...func()) error {
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
	err = create(ctx, path, bucket)
	for _, do := range then {
		do()
	}
	stop()
	if failed := <-ended; failed != nil {
		return failed
	}
	return err
}

func create(ctx context.Context, path, bucket string) error {
	conn, err := address.Socket(path).Dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = cosi.NewProvisionerClient(conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: bucket})
	return err
}
