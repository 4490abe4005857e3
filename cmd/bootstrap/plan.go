package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doomshrine/gocosi/internal/buildinfo"
)

// library is the module path of gocosi.
const library = buildinfo.ModulePath

// plan says what to write, and where. Everything in it has been checked.
type plan struct {
	module string          // path of the new module
	dir    string          // absolute
	name   string          // the driver's name
	app    string          // name of the program, the image and the Kubernetes objects
	source source          // where the library comes from
	with   map[string]bool // the extras
	build  bool            // whether it is built before it is put in place
	files  []file          // all but go.sum
}

// plan checks every flag before anything is written.
func (f *flags) plan(ctx context.Context) (plan, error) {
	if err := f.check(); err != nil {
		return plan{}, err
	}
	p := plan{module: f.module, name: f.nameOf(), app: appName(f.module), build: f.build}
	if err := p.checkNames(f.name != ""); err != nil {
		return plan{}, err
	}
	var err error
	if f.with != "" {
		if p.with, err = readExtras(f.with); err != nil {
			return plan{}, err
		}
	}
	if p.dir, err = absentOrEmpty(f.dir); err != nil {
		return plan{}, fmt.Errorf("-dir: %w", err)
	}
	if p.source, err = findSource(ctx, f.gocosi); err != nil {
		return plan{}, fmt.Errorf("-gocosi: %w", err)
	}
	if p.files, err = p.render(); err != nil {
		return plan{}, fmt.Errorf("module %q cannot be written: %w; want another -module, -name or -gocosi", p.module, err)
	}
	return p, nil
}

// absentOrEmpty returns the absolute path of a folder, and refuses one that holds something.
func absentOrEmpty(dir string) (string, error) {
	if !utf8.ValidString(dir) || strings.ContainsFunc(dir, unicode.IsControl) {
		return "", fmt.Errorf("%.80q holds a control character or is no UTF-8; want a name that a shell shows as it is", dir)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	found, err := os.ReadDir(absolute)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(absolute); err == nil { //nolint:gosec // the path is the user's own
			return "", fmt.Errorf("%s is a symbolic link to nothing; want an empty folder, or a name that does not exist", absolute)
		}
	case err != nil:
		return "", err
	case len(found) > 0:
		return "", fmt.Errorf("%s is not empty: it holds %.80q; want an empty folder, or one that does not exist", absolute, found[0].Name())
	}
	return absolute, nil
}
