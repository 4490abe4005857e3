package hooks_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// embedded is the store that all tests of this package share.
var embedded gateway.Store

// packageDir is where this package lies: the embedded store changes the working directory.
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
