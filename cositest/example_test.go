package cositest_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
)

// This example shows the conformance test of a driver, in a function such as TestConformance. A case is not configured if
// it needs what Config does not give. The hook Access lets the kit see that keys work, and stop working.
func ExampleRun() {
	provisioner := &cosi.UnimplementedProvisionerServer{} // your own

	_ = func(t *testing.T) { // TestConformance
		driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), provisioner,
			gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
		if err != nil {
			t.Fatal(err)
		}
		cositest.Run(t, cositest.Start(t, driver), cositest.Config{
			BucketParameters:             map[string]string{"region": "here"},
			IncompatibleBucketParameters: map[string]string{"region": "elsewhere"},
			BadBucketName:                "Not A Bucket",
			Access: func(ctx context.Context, use cositest.Use) (bool, error) {
				keys := use.Credentials["s3"].GetSecrets()
				works, err := putAndGet(ctx, keys["endpoint"], keys["accessKeyID"], keys["accessSecretKey"], use.BucketName)
				return works == (use.Expect == cositest.Granted), err
			},
		})
	}
	// Output:
}

// putAndGet says whether the store lets an object be put into a bucket and got back, by the store's own protocol.
func putAndGet(_ context.Context, _, _, _, _ string) (works bool, err error) { return true, nil }

// This example shows what the kit reports of a driver that makes a new key on every call.
func ExampleCheck() {
	driver := newDriver() // keeps its buckets in memory
	right := driver.grant
	driver.grant = func(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
		response, err := right(ctx, r)
		if err == nil {
			response.Credentials = keys()
		}
		return response, err
	}
	conn, stop := connect(driver)
	defer stop()

	report := cositest.Check(context.Background(), conn, cositest.Config{BadBucketName: "Not A Bucket"})
	for _, r := range report.Results {
		if r.Outcome == cositest.Failed {
			fmt.Printf("%s %s: %s\n%s\n", r.Level, r.Name, r.Reason, r.Text)
		}
	}
	fmt.Println("OK:", report.OK())

	// Output:
	// MUST GRANT-5: two answers to one grant differ in s3.accessKeyID, s3.accessSecretKey
	// Returns the same `account_id` to a repeat and creates no second principal. It should return the same credentials: the sidecar writes the Secret once and never updates it.
	// OK: false
}

// connect serves a driver on a socket, and connects to it.
func connect(driver *driver) (conn *grpc.ClientConn, stop func()) {
	folder, err := os.MkdirTemp("", "cosi")
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(folder, "cosi.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	cosi.RegisterIdentityServer(server, driver)
	cosi.RegisterProvisionerServer(server, driver)
	go func() { _ = server.Serve(lis) }()
	conn, err = grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	return conn, func() {
		conn.Close()
		server.Stop()
		os.RemoveAll(folder)
	}
}
