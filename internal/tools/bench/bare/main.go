// Command bare serves the canned driver with gRPC alone, to show what a server without gocosi costs.
package main

import (
	"context"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/tools/bench/canned"
)

func main() { canned.Main(run) }

func run(ctx context.Context) error {
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "unix", strings.TrimPrefix(os.Getenv("COSI_ENDPOINT"), "unix://"))
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	cosi.RegisterIdentityServer(server, &canned.Identity{})
	cosi.RegisterProvisionerServer(server, &canned.Provisioner{})
	context.AfterFunc(ctx, server.GracefulStop)
	return server.Serve(lis)
}
