package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/module"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/drivername"
)

// library is the module path of gocosi.
const library = buildinfo.ModulePath

// plan says what to write, and where. Everything in it has been checked.
type plan struct {
	module string // path of the new module
	dir    string // absolute
	name   string // the driver's name
	app    string // name of the program, the image and the Kubernetes objects
	source source // where the library comes from
}

// plan checks every flag before anything is written.
func (f *flags) plan(ctx context.Context) (plan, error) {
	if err := f.check(); err != nil {
		return plan{}, err
	}
	p := plan{module: f.module, name: cmp.Or(f.name, driverName(f.module)), app: appName(f.module)}
	if err := drivername.Check(p.name); err != nil {
		return plan{}, fmt.Errorf("-name %q: %w", p.name, err)
	}
	var err error
	if p.dir, err = absentOrEmpty(f.dir); err != nil {
		return plan{}, fmt.Errorf("-dir: %w", err)
	}
	if p.source, err = findSource(ctx, f.gocosi); err != nil {
		return plan{}, fmt.Errorf("-gocosi: %w", err)
	}
	return p, nil
}

// checkModule refuses a path that the go command does not take for a main module, or that nobody could import. It allows
// a little more than module.CheckPath: a "+" is fine in an import.
func checkModule(modulePath string) error {
	if err := cmp.Or(module.CheckImportPath(modulePath), checkOwner(modulePath)); err != nil {
		return fmt.Errorf("-module: %w; want a path such as example.com/acme/cosi-osp or example.com/acme/cosi-osp/v2", err)
	}
	return nil
}

// checkOwner refuses the paths of the standard library and of gocosi, and versions that no module path has.
func checkOwner(modulePath string) error {
	host, _, _ := strings.Cut(modulePath, "/")
	_, _, versioned := module.SplitPathVersion(modulePath)
	switch {
	case !strings.Contains(host, "."):
		return fmt.Errorf("%q has no dot in its first element; such paths are the standard library's", modulePath)
	case !versioned:
		return fmt.Errorf("%q ends in a version that a module path cannot have", modulePath)
	case modulePath == library, strings.HasPrefix(modulePath, library+"/"):
		return fmt.Errorf("%q belongs to the library", modulePath)
	}
	return nil
}

// absentOrEmpty returns the absolute path of a folder, and refuses one that holds something.
func absentOrEmpty(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(absolute)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty; want an empty folder, or one that does not exist", absolute)
	}
	return absolute, nil
}

// unfit matches what a label of a DNS name cannot hold.
var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// longest limits the label that appName makes: names of Kubernetes objects add to it.
const longest = 40

// appName makes a DNS label of the module's last element.
func appName(modulePath string) string {
	prefix, _, _ := module.SplitPathVersion(modulePath)
	label := strings.Trim(unfit.ReplaceAllString(strings.ToLower(path.Base(prefix)), "-"), "-")
	if label == "" || label[0] < 'a' {
		label = "cosi-" + label
	}
	return strings.Trim(label[:min(len(label), longest)], "-")
}

// driverName appends the host of the module's path to its last element: example.com/acme/cosi-osp becomes
// cosi-osp.example.com.
func driverName(modulePath string) string {
	host, _, _ := strings.Cut(modulePath, "/")
	name := appName(modulePath) + "." + strings.ToLower(host)
	if len(name) > drivername.MaxLength {
		name = appName(modulePath) + ".example.com"
	}
	return name
}
