package driver_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// embedded is the store that all tests of this package share; each keeps to names of its own.
var embedded gateway.Store

// packageDir is where the go command finds this package: the embedded store changes the working directory.
var packageDir string

func TestMain(m *testing.M) {
	var err error
	if packageDir, err = os.Getwd(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	flag.Parse()
	code, err := share(func(store gateway.Store) int {
		embedded = store
		return m.Run()
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// share runs the tests on a store that has in it what an earlier driver made.
func share(run func(gateway.Store) int) (code int, err error) {
	if *fill != "" {
		return gateway.Fill(*fill, run)
	}
	return gateway.DuringCopy(os.DirFS(filepath.Join("testdata", keptOwner)), run)
}

// settings returns those of a driver on a store, with a sealing key of its own.
func settings(t *testing.T, store gateway.Store) driver.Settings {
	t.Helper()
	return driver.Settings{
		Endpoint: store.Endpoint, IAMEndpoint: store.IAMEndpoint, ClientEndpoint: store.Endpoint, Region: store.Region,
		AccessKey: store.AccessKey, SecretKey: store.SecretKey, Owner: driver.Name, Sealer: sealer(t, sealKey(t)),
	}
}

// start serves the driver on a socket of its own until the test ends, and returns a connection to it and the socket's folder.
func start(t *testing.T, s driver.Settings, options ...gocosi.Option) (conn *grpc.ClientConn, folder string) {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	endpoint := "unix://" + filepath.Join(folder, "cosi.sock")
	d, err := driver.New(s, append(options, gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry(), gocosi.WithDefaultEndpoint(endpoint))...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if _, err := d.Addr(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err = grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, folder
}

func sealKey(t *testing.T) string {
	t.Helper()
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(key)
}

func sealer(t *testing.T, keys ...string) *driver.Sealer {
	t.Helper()
	s, err := driver.NewSealer(strings.Join(keys, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
