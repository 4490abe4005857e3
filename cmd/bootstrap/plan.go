package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/module"

	"github.com/doomshrine/gocosi/internal/drivername"
)

// library is the module path of gocosi.
const library = "github.com/doomshrine/gocosi"

// flags is what the command line says.
type flags struct {
	module, dir, name, gocosi string
	empty                     []string // flags that were given as ""
}

// plan is what to write and where; everything in it was checked.
type plan struct {
	module string // path of the new module
	dir    string // absolute
	name   string // the driver's name
	app    string // name of the program, the image and the Kubernetes objects
	source source // where the library comes from
}

// plan checks the flags, all of them before anything is written.
func (f flags) plan(ctx context.Context) (plan, error) {
	var problems []error
	for _, name := range f.empty {
		problems = append(problems, fmt.Errorf("-%s is empty; leave it out for the default", name))
	}
	if len(problems) == 0 {
		problems = append(problems, checkModule(f.module))
	}
	if err := errors.Join(problems...); err != nil {
		return plan{}, err
	}
	p := plan{module: f.module, name: f.name, app: appName(f.module)}
	if p.name == "" {
		p.name = driverName(f.module)
	}
	if err := drivername.Check(p.name); err != nil {
		return plan{}, fmt.Errorf("-name %q: %w", p.name, err)
	}
	var err error
	if p.dir, err = filepath.Abs(f.dir); err != nil {
		return plan{}, fmt.Errorf("-dir: %w", err)
	}
	if err := checkDir(p.dir); err != nil {
		return plan{}, fmt.Errorf("-dir: %w", err)
	}
	if p.source, err = findSource(ctx, f.gocosi); err != nil {
		return plan{}, fmt.Errorf("-gocosi: %w", err)
	}
	return p, nil
}

// checkModule accepts what the go command accepts as the path of a main module that others can import. That is a little
// more than module.CheckPath allows: a "+" is fine in an import.
func checkModule(modulePath string) error {
	host, _, _ := strings.Cut(modulePath, "/")
	_, _, versioned := module.SplitPathVersion(modulePath)
	err := module.CheckImportPath(modulePath)
	switch {
	case err != nil:
	case !strings.Contains(host, "."):
		err = fmt.Errorf("%q has no dot in its first element: such paths are the standard library's", modulePath)
	case !versioned:
		err = fmt.Errorf("%q ends in a version that a module path cannot have; /v2 and above are accepted", modulePath)
	case modulePath == library, strings.HasPrefix(modulePath, library+"/"):
		err = fmt.Errorf("%q belongs to the library", modulePath)
	}
	if err != nil {
		return fmt.Errorf("-module: %w; accepted is a path such as example.com/acme/cosi-osp", err)
	}
	return nil
}

// checkDir accepts a folder that is empty, and one that does not exist yet.
func checkDir(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty; accepted is a folder that is empty or does not exist", dir)
	}
	return nil
}

// unfit is what a label of a DNS name may not hold.
var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// longest is the length of a DNS label that leaves room for what is added to it.
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

// driverName puts the name of the module's host behind its last element: example.com/acme/cosi-osp becomes
// cosi-osp.example.com.
func driverName(modulePath string) string {
	host, _, _ := strings.Cut(modulePath, "/")
	name := appName(modulePath) + "." + strings.ToLower(host)
	if len(name) > drivername.MaxLength {
		name = appName(modulePath) + ".example.com"
	}
	return name
}
