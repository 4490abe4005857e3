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
)

// Start serves the driver on a Unix socket in a folder of its own until the test ends, and returns a connection to it.
// The folder's path is short: that of a socket has about a hundred bytes at most, and a test's own folder may have more.
// The test fails when the driver does, or does not end cleanly.
func Start(t testing.TB, driver *gocosi.Driver) *grpc.ClientConn {
	t.Helper()
	folder, err := os.MkdirTemp("", "cosi")
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
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
