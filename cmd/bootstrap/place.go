package main

import (
	"errors"
	"os"
	"path/filepath"
)

// place lets fill make a folder under a temporary name and puts it at dir, which is empty or does not exist. When
// something fails, nothing is left: neither at dir nor beside it, nor a parent that did not exist before.
func place(dir string, fill func(dir string) error, done func()) (err error) {
	made, err := makeParents(filepath.Dir(dir))
	defer func() {
		if err != nil && made != "" {
			err = errors.Join(err, os.RemoveAll(made))
		}
	}()
	if err != nil {
		return err
	}
	_, missing := os.Stat(dir)
	around := dir // an existing folder may be somebody's working directory: it stays, and is filled
	if missing != nil {
		around = filepath.Dir(dir)
	}
	temporary, err := os.MkdirTemp(around, ".bootstrap-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := fill(temporary); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil { //nolint:gosec // a folder of source code
		return err
	}
	if missing != nil {
		err = os.Rename(temporary, dir)
	} else {
		err = moveEntries(temporary, dir)
	}
	if err == nil {
		done()
	}
	return err
}

// makeParents makes a folder with its parents, and returns the topmost that did not exist; "" when all did.
func makeParents(dir string) (string, error) {
	topmost := ""
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, os.ErrNotExist) {
			break
		}
		topmost = at
	}
	return topmost, os.MkdirAll(dir, 0o755)
}

// moveEntries moves what is in one folder to another, all or nothing.
func moveEntries(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		if err := os.Rename(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			for _, moved := range entries[:i] {
				err = errors.Join(err, os.RemoveAll(filepath.Join(to, moved.Name())))
			}
			return err
		}
	}
	return nil
}
