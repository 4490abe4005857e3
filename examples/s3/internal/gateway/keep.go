package gateway

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files of a kept store that a running one has not, or elsewhere.
const (
	emptyFolders = "empty-folders.txt" // an empty bucket is an empty folder, which version control drops
	versionsMeta = "versions-meta"     // the store keeps this in a place that has the folder's absolute path in it
)

// Fill runs a store in a folder for as long as run does, as During does. The data stays there, fit to be kept under version
// control: DuringCopy runs a copy of it.
func Fill(folder string, run func(Store) int) (code int, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return 0, err
	}
	code, err = during(folder, run)
	if err != nil {
		return code, err
	}
	return code, pack(folder)
}

// pack leaves nothing in a folder that depends on where it is, or that the store makes anew.
func pack(folder string) error {
	meta := filepath.Join(folder, "meta")
	inside, _, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(folder), "/"), "/")
	err := errors.Join(
		os.Rename(metaOfVersions(folder), filepath.Join(folder, versionsMeta)),
		os.RemoveAll(filepath.Join(meta, inside)),
		os.RemoveAll(filepath.Join(folder, "data", ".vgwlocks")),
		os.RemoveAll(filepath.Join(folder, "iam", "iam.json.backup")),
	)
	if err != nil {
		return err
	}
	empty, err := findEmpty(folder)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, emptyFolders), []byte(strings.Join(empty, "\n")+"\n"), 0o600)
}

// unpack copies a kept store into a folder, from where it can be started.
func unpack(kept fs.FS, folder string) error {
	if err := os.CopyFS(folder, kept); err != nil {
		return err
	}
	list, err := fs.ReadFile(kept, emptyFolders)
	if err != nil {
		return err
	}
	if err := makeFolders(folder, strings.Fields(string(list))...); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(metaOfVersions(folder)), 0o700); err != nil {
		return err
	}
	return os.Rename(filepath.Join(folder, versionsMeta), metaOfVersions(folder))
}

// metaOfVersions is where a running store keeps what it knows of versions that were replaced.
func metaOfVersions(folder string) string {
	return filepath.Join(folder, "meta", folder, "versions")
}

// findEmpty returns the folders below folder that hold nothing, in order.
func findEmpty(folder string) (empty []string, err error) {
	data := os.DirFS(folder)
	err = fs.WalkDir(data, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		entries, err := fs.ReadDir(data, path)
		if len(entries) == 0 {
			empty = append(empty, path)
		}
		return err
	})
	return empty, err
}
