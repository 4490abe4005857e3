package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// place lets fill write a temporary folder, and puts what it wrote at dir, which is empty or missing. What appears at dir
// meanwhile is never overwritten. On failure nothing is left: neither at dir, nor next to it, nor a parent that place made.
func place(dir string, fill func(dir string, root *os.Root) error) (err error) {
	made, err := makeParents(filepath.Dir(dir))
	defer func() {
		if err != nil {
			removeEmpty(made)
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
		return placeNew(dir, fill)
	}
	return placeInto(dir, fill)
}

// missing reports whether path does not exist. It returns any other error of Stat.
func missing(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// makeParents makes a folder and its parents. It returns those that it made, the topmost first.
func makeParents(dir string) (made []string, err error) {
	var absent []string
	for at := dir; ; at = filepath.Dir(at) {
		none, err := missing(at)
		if err != nil {
			return nil, err
		}
		if !none {
			break
		}
		absent = append(absent, at)
	}
	for _, folder := range slices.Backward(absent) {
		err := os.Mkdir(folder, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue // another process made it, and may use it
		}
		if err != nil {
			return made, err
		}
		made = append(made, folder)
	}
	return made, nil
}

// removeEmpty removes folders that are empty. What others put into them meanwhile stays.
func removeEmpty(folders []string) {
	for _, folder := range slices.Backward(folders) {
		if os.Remove(folder) != nil {
			return
		}
	}
}

// placeNew makes dir, which is missing.
func placeNew(dir string, fill func(dir string, root *os.Root) error) error {
	temporary := filepath.Join(filepath.Dir(dir), ".bootstrap-"+rand.Text())
	if err := os.Mkdir(temporary, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	root, err := os.OpenRoot(temporary)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(temporary, root), root.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, dir); err != nil {
		if _, stat := os.Lstat(dir); stat == nil {
			return fmt.Errorf("%s appeared meanwhile, and stays as it is; want a name that does not exist", dir)
		}
		return err
	}
	return nil
}

// unfinished names the folder in an existing one that is filled. Only one process can make it.
const unfinished = ".bootstrap"

// placeInto fills dir, which exists and is empty: it may be somebody's working directory, so it stays.
func placeInto(dir string, fill func(dir string, root *os.Root) error) (err error) {
	target, err := os.OpenRoot(dir) // whatever becomes of the name, this stays the folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := target.Mkdir(unfinished, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: another bootstrap writes there, or was killed; want %s gone", dir, unfinished)
		}
		return fmt.Errorf("%s cannot be written to: %w", dir, err)
	}
	defer func() { err = errors.Join(err, target.RemoveAll(unfinished)) }()
	root, err := target.OpenRoot(unfinished)
	if err != nil {
		return err
	}
	filled := errors.Join(fill(filepath.Join(dir, unfinished), root), root.Close())
	if err := unchanged(dir, target); err != nil {
		return err // and so is what filled says
	}
	if filled != nil {
		return filled
	}
	return copyNew(target)
}

// unchanged expects that dir is the folder still, and holds what place made alone.
func unchanged(dir string, target *os.Root) error {
	was, err := target.Stat(".")
	if err != nil {
		return err
	}
	is, err := os.Stat(dir)
	if err != nil || !os.SameFile(was, is) {
		return fmt.Errorf("%s was removed or replaced meanwhile; want it to stay as it is until this is done", dir)
	}
	found, err := fs.ReadDir(target.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range found {
		if entry.Name() != unfinished {
			return fmt.Errorf("%s holds %.80q, which appeared meanwhile and stays as it is; want an empty folder", dir, entry.Name())
		}
	}
	return nil
}

// copyNew copies the unfinished folder's contents to the folder around it. It makes every file and folder anew, or none.
func copyNew(target *os.Root) (err error) {
	var made []string
	defer func() {
		if err == nil {
			return
		}
		for _, name := range slices.Backward(made) {
			err = errors.Join(err, target.Remove(name))
		}
	}()
	from, err := fs.Sub(target.FS(), unfinished)
	if err != nil {
		return err
	}
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if entry.IsDir() {
			err = target.Mkdir(name, 0o755)
		} else {
			err = copyFile(target, from, name)
		}
		if err == nil {
			made = append(made, name)
		}
		return err
	})
}

// copyFile copies a file to a name that is free.
func copyFile(target *os.Root, from fs.FS, name string) error {
	text, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	file, err := target.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, target.Remove(name))
	}
	return nil
}
