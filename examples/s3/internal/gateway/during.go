package gateway

import (
	"context"
	"errors"
	"os"
)

// During runs a store in a temporary folder for as long as run does, and returns what that returns: the tests of a package
// share one store. It changes the working directory.
func During(run func(Store) int) (code int, err error) {
	folder, err := os.MkdirTemp("", "s3")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	store, err := Start(context.Background(), folder)
	if err != nil {
		return 0, err
	}
	code = run(store.Store)
	return code, store.Stop()
}
