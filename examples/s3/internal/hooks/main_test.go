package hooks_test

import (
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
	var err error
	if packageDir, err = os.Getwd(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code, err := gateway.During(func(store gateway.Store) int {
		embedded = store
		return m.Run()
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
