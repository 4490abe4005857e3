package gocosi_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// This example shows the life of a driver: it serves until its context ends. A program uses a context that ends on its
// signals; see the package's quick start.
func Example() {
	folder, err := os.MkdirTemp("", "cosi")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)

	var provisioner cosi.UnimplementedProvisionerServer // yours
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &provisioner,
		gocosi.WithDefaultEndpoint("unix://"+filepath.Join(folder, "cosi.sock")),
		gocosi.WithEnvironment(nil)) // an example must not depend on yours
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- driver.Run(ctx) }()
	if _, err := driver.Addr(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println("serving")
	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// serving
	// ended: <nil>
}

// This example shows that New reports all errors at once.
func ExampleNew() {
	_, err := gocosi.New(gocosi.NewIdentity("bad name"), nil, gocosi.WithEnvironment(nil), gocosi.WithDefaultSocketPerms(0o070))
	fmt.Println(err)
	// Output:
	// gocosi: INFO-3: the driver's name is malformed; want alphanumerics, "-" and ".", with an alphanumeric at both ends, such as s3.example.com
	// gocosi: the provisioner server is nil; want a server
	// gocosi: WithDefaultSocketPerms="0070": the owner could not use the socket; want octal permission bits such as 0755, 755 or 0o755 that let the owner read and write
}

// This example shows an exec probe that starts the driver's own program with a flag.
func ExampleProbe() {
	ctx := context.Background()
	if err := gocosi.Probe(ctx, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("/nowhere/cosi.sock")); err != nil {
		fmt.Println("not serving")
	}
	// Output: not serving
}

// This example shows that Parameters refuses parameters that the driver does not know.
func ExampleParameters() {
	_, err := gocosi.Parameters(map[string]string{"regoin": "eu"}, "region", "tier")
	fmt.Println(status.Convert(err).Message())
	// Output: unknown parameters: ["regoin"]; want region, tier
}

// This example shows that credentials print without their secret.
func ExampleS3Credentials() {
	keys := gocosi.S3Credentials{
		Endpoint: "https://s3.example.com", Region: "eu", AccessKeyID: "AKEXAMPLE", AccessSecretKey: "not for the log",
	}
	fmt.Printf("%+v\n", keys)
	fmt.Println(len(keys.Map()["s3"].GetSecrets()), "values for the sidecar")
	// Output:
	// {Endpoint:https://s3.example.com Region:eu AccessKeyID:AKEXAMPLE AccessSecretKey:[redacted]}
	// 4 values for the sidecar
}
