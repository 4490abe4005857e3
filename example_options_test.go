package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi"
)

// This example shows that the environment overrides the author's default, so the operator decides.
func ExampleWithEnvironment() {
	environment := map[string]string{gocosi.EnvCOSIEndpoint: "cosi.sock"}
	_, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &photos{},
		gocosi.WithDefaultEndpoint("unix:///var/lib/cosi/mine.sock"),
		gocosi.WithEnvironment(func(name string) (string, bool) { value, ok := environment[name]; return value, ok }))
	fmt.Println(err)
	// Output: gocosi: COSI_ENDPOINT="cosi.sock": the path is not absolute; want unix:///path, unix:/path, /path or tcp://host:port
}

// This example shows an interceptor of the author's. It runs next to the handler, and the library checks and logs its result.
func ExampleWithInterceptors() {
	say := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		_, bounded := ctx.Deadline()
		fmt.Println(info.FullMethod, "has a deadline:", bounded)
		return handler(ctx, request)
	}
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &photos{},
		gocosi.WithInterceptors(say), gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
	if err != nil {
		fmt.Println(err)
		return
	}
	createPhotos(driver)
	// Output: /cosi.v1alpha1.Provisioner/DriverCreateBucket has a deadline: true
}

// This example shows a driver whose store is away: it is alive, but not ready.
func ExampleWithReady() {
	var store struct{ ping func(context.Context) error } // yours
	store.ping = func(context.Context) error { return errors.New("the store does not answer") }
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &photos{},
		gocosi.WithReady(store.ping), gocosi.WithDefaultEndpoint("tcp://127.0.0.1:0"), gocosi.WithEnvironment(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- driver.Run(ctx) }()
	addr, err := driver.Addr(ctx)
	if err != nil {
		fmt.Println(err)
	}
	err = gocosi.Probe(ctx, gocosi.WithDefaultEndpoint("tcp://"+addr.String()), gocosi.WithEnvironment(nil))
	fmt.Println("ready:", err == nil)
	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// ready: false
	// ended: <nil>
}

// This example shows the map that the released sidecar reads.
func ExampleAzureCredentials() {
	sas := gocosi.AzureCredentials{AccessToken: "not for the log", Expiry: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	fmt.Println(sas)
	fmt.Println(sas.Map()["azure"].GetSecrets()["expiryTs"])
	// Output:
	// {[redacted] 2030-01-02 03:04:05 +0000 UTC}
	// 2030-01-02 03:04:05 +0000 UTC
}
