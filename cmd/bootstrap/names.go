package main

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/drivername"
)

const (
	// longestApp limits the name that appName makes: names of Kubernetes objects add to it.
	longestApp = 40
	// longestModule and longestElement limit a module's path: programs and files of the go command are named after it.
	longestModule  = 1024
	longestElement = 200
)

// checkModule tries a module's path as whatever is made of it: a main module, imports, a program in the new folder.
func checkModule(modulePath string) error {
	for _, check := range []func(string) error{checkLength, checkImports, checkOwner, checkProgram} {
		if err := check(modulePath); err != nil {
			return fmt.Errorf("-module: %w; want a path such as example.com/acme/cosi-osp or example.com/acme/cosi-osp/v2", err)
		}
	}
	return nil
}

// checkLength comes first: no error shows a path that is very long.
func checkLength(modulePath string) error {
	if len(modulePath) > longestModule {
		return fmt.Errorf("the path has %d characters, and at most %d are allowed", len(modulePath), longestModule)
	}
	for element := range strings.SplitSeq(modulePath, "/") {
		if len(element) > longestElement {
			return fmt.Errorf("the element %.20q… has %d characters, and at most %d are allowed", element, len(element), longestElement)
		}
	}
	return nil
}

// checkImports refuses a path that nobody could import. It allows a little more than module.CheckPath: a "+" is fine in an
// import.
func checkImports(modulePath string) error {
	if err := module.CheckImportPath(modulePath); err != nil {
		return err
	}
	if slices.Contains(strings.Split(modulePath, "/"), "vendor") {
		return fmt.Errorf(`%q has an element "vendor"; the go command takes its packages for vendored ones`, modulePath)
	}
	return nil
}

// checkOwner refuses the paths of others, and versions that no module path has.
func checkOwner(modulePath string) error {
	host, _, _ := strings.Cut(modulePath, "/")
	_, _, versioned := module.SplitPathVersion(modulePath)
	switch {
	case !strings.Contains(host, "."):
		return fmt.Errorf("%q has no dot in its first element; such paths are the standard library's", modulePath)
	case !versioned && host == "gopkg.in":
		return fmt.Errorf("%q does not end in a version such as .v1, as all paths of gopkg.in do", modulePath)
	case !versioned:
		return fmt.Errorf("%q ends in a version that a module path cannot have", modulePath)
	case within(modulePath, library):
		return fmt.Errorf("%q belongs to the library", modulePath)
	}
	for _, dependency := range slices.Concat(dependencies, ofMetrics) {
		if within(modulePath, dependency) {
			return fmt.Errorf("%q belongs to %s, which the new module requires", modulePath, dependency)
		}
	}
	return nil
}

// within reports whether a path is that of a module, or below it.
func within(modulePath, owner string) bool {
	return modulePath == owner || strings.HasPrefix(modulePath, owner+"/")
}

var (
	// startsProgram matches how the go command lets the name of a program begin.
	startsProgram = regexp.MustCompile(`^[a-zA-Z0-9._]`)
	// compiled matches the names of files that the go command compiles.
	compiled = regexp.MustCompile(`(?i)\.(go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|f|for|f90|s|sx|swig|swigcxx|syso)$`)
)

// entries lists what a new folder holds at its top, or what make and the go command look for or put there.
var entries = []string{
	".dockerignore", ".github", ".gitignore", ".golangci.yml", "Dockerfile", "Makefile", "GNUmakefile", "README.md", "deploy", "driver_test.go",
	"go.mod", "go.sum", "go.work", "go.work.sum", "logging.go", "main.go", "metrics.go", "report", "servers", "vendor",
}

// checkProgram refuses a path whose program, which "go build" writes into the new folder, would be in the way there.
func checkProgram(modulePath string) error {
	name := buildinfo.ProgramName(modulePath)
	taken := slices.ContainsFunc(entries, func(entry string) bool { return strings.EqualFold(entry, name) })
	switch {
	case !startsProgram.MatchString(name):
		return fmt.Errorf("%q makes a program named %q; the go command wants a letter, a digit, a dot or an underscore in front", modulePath, name)
	case taken:
		return fmt.Errorf("%q makes a program named %q, and the new folder has another use for that name", modulePath, name)
	case compiled.MatchString(name):
		return fmt.Errorf("%q makes a program named %q, which the go command takes for source code", modulePath, name)
	}
	return nil
}

// checkNames tries the driver's name and the name of the program as what Kubernetes makes of them.
func (p plan) checkNames(given bool) error {
	if err := checkDriver(p.name); err != nil {
		if given {
			return fmt.Errorf("-name %.80q: %w", p.name, err)
		}
		return fmt.Errorf("-module: %.80q would name the driver %.80q: %w; -name sets another name", p.module, p.name, err)
	}
	if !label.MatchString(p.app) {
		return fmt.Errorf("-module: %.80q would name the Kubernetes objects %.80q; want a label of a DNS name", p.module, p.app)
	}
	return nil
}

var (
	label  = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)                                      // a Service's name, the narrowest of all
	domain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`) // a Lease's name
)

// checkDriver refuses a name that the specification refuses, or that cannot name the sidecar's Lease.
func checkDriver(name string) error {
	if err := drivername.Check(name); err != nil {
		return err
	}
	if !domain.MatchString(name) {
		return errors.New("the sidecar cannot name its Lease after the driver, so it would never lead; " +
			`want a domain in lower case, such as s3.example.com, whose labels begin and end with a letter or a digit`)
	}
	return nil
}

// unfit matches what a label of a DNS name cannot hold.
var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// reserved matches the namespaces and ClusterRoles that a cluster has already: applying deploy/ would change them.
var reserved = regexp.MustCompile(`^(default|admin|edit|view|cluster-admin|(kube|openshift|container-object-storage)(-.*)?)$`)

// appName makes a DNS label of the module's last element.
func appName(modulePath string) string {
	prefix, _, _ := module.SplitPathVersion(modulePath)
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(path.Base(prefix)), "-"), "-")
	if name == "" || name[0] < 'a' || reserved.MatchString(name) {
		name = "cosi-" + name
	}
	return strings.Trim(name[:min(len(name), longestApp)], "-")
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

// nameOf returns the driver's name: the one that was given, else one that is made of the module's path.
func (f *flags) nameOf() string { return cmp.Or(f.name, driverName(f.module)) }
