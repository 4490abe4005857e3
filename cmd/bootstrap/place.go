package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// place lets fill write a temporary folder, and puts what it wrote at dir, which is empty or missing. On failure nothing
// is left: neither at dir, nor next to it, nor a parent that place made.
func place(dir string, fill func(dir string) error) (err error) {
	topmost, err := makeParents(filepath.Dir(dir))
	defer func() {
		if err != nil && topmost != "" {
			err = errors.Join(err, os.RemoveAll(topmost))
		}
	}()
	if err != nil {
		return err
	}
	absent, err := missing(dir)
	if err != nil {
		return err
	}
	if absent {
		return fillTemporary(filepath.Dir(dir), fill, func(temporary string) error { return os.Rename(temporary, dir) })
	}
	// An existing folder may be somebody's working directory: it stays, and is filled.
	return fillTemporary(dir, fill, func(temporary string) error { return moveEntries(temporary, dir) })
}

// missing reports whether path does not exist. It returns any other error of Stat.
func missing(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// makeParents makes a folder and its parents. It returns the topmost folder that was missing; "" when none was.
func makeParents(dir string) (topmost string, err error) {
	for at := dir; ; at = filepath.Dir(at) {
		absent, err := missing(at)
		if err != nil {
			return "", err
		}
		if !absent {
			return topmost, os.MkdirAll(dir, 0o755)
		}
		topmost = at
	}
}

// fillTemporary lets fill write a temporary folder below dir, and moves the result away.
func fillTemporary(dir string, fill, move func(temporary string) error) error {
	temporary, err := os.MkdirTemp(dir, ".bootstrap-")
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
	return move(temporary)
}

// moveEntries moves everything in one folder to another, or nothing.
func moveEntries(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		if err := os.Rename(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return errors.Join(err, removeEntries(to, entries[:i]))
		}
	}
	return nil
}

// removeEntries removes the entries from dir.
func removeEntries(dir string, entries []fs.DirEntry) error {
	var errs []error
	for _, entry := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, entry.Name())))
	}
	return errors.Join(errs...)
}
