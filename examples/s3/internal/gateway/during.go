package gateway

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// During runs a store in a temporary folder for as long as run does, and returns what that returns: the tests of a package
// share one store. It changes the working directory.
func During(run func(Store) int) (code int, err error) {
	return duringAfter(func(string) error { return nil }, run)
}

// DuringCopy runs a store as During does, on a copy of one that Fill made.
func DuringCopy(kept fs.FS, run func(Store) int) (code int, err error) {
	return duringAfter(func(folder string) error { return unpack(kept, folder) }, run)
}

func duringAfter(prepare func(folder string) error, run func(Store) int) (code int, err error) {
	folder, err := os.MkdirTemp("", "s3")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := prepare(folder); err != nil {
		return 0, err
	}
	return during(folder, run)
}

func during(folder string, run func(Store) int) (code int, err error) {
	store, err := Start(context.Background(), folder)
	if err != nil {
		return 0, err
	}
	code = run(store.Store)
	return code, store.Stop()
}
