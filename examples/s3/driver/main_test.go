package driver_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// embedded is the store that all tests of this package share; each keeps to names of its own.
var embedded gateway.Store

// packageDir is where the go command finds this package: the embedded store changes the working directory.
var packageDir string

func TestMain(m *testing.M) {
	code, err := withStore(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withStore(run func() int) (code int, err error) {
	if packageDir, err = os.Getwd(); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "s3")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	store, err := gateway.Start(context.Background(), folder)
	if err != nil {
		return 0, err
	}
	embedded = store.Store
	code = run()
	return code, store.Stop()
}

// settings returns those of a driver on a store, with a sealing key of its own.
func settings(t *testing.T, store gateway.Store) driver.Settings {
	t.Helper()
	return driver.Settings{
		Endpoint: store.Endpoint, IAMEndpoint: store.IAMEndpoint, ClientEndpoint: store.Endpoint, Region: store.Region,
		AccessKey: store.AccessKey, SecretKey: store.SecretKey, Owner: driver.Name, Sealer: sealer(t, sealKey(t)),
	}
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
