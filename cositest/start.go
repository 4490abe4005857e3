package cositest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// Start serves the driver on a Unix socket in a new folder until the test ends, and returns a connection to it.
// The folder is in os.TempDir, or in /tmp if a socket's path would be too long. The test fails when the driver fails or
// does not end cleanly.
func Start(t testing.TB, driver *gocosi.Driver) *grpc.ClientConn {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path := filepath.Join(folder, "cosi.sock")
	var lc net.ListenConfig
	lis, err := lc.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- driver.Serve(ctx, lis) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	// Not by internal/address: the target tells a test where the socket is.
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
