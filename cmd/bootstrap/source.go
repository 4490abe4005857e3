package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// source is where the new module finds the library: a release, or else a folder on this machine.
type source struct {
	version string
	folder  string
}

func (s source) String() string {
	if s.folder != "" {
		return s.folder
	}
	return s.version
}

// findSource reads -gocosi, which may be "".
func findSource(ctx context.Context, flag string) (source, error) {
	switch {
	case semver.IsValid(flag):
		return source{version: flag}, nil
	case flag != "":
		return fromFolder(flag)
	}
	if version := release(); version != "" {
		return source{version: version}, nil
	}
	return fromCheckout(ctx)
}

// release is the version of which this program was built out of the module cache; "" when it was built otherwise. Only
// a module that was downloaded has a sum: a checkout with tags has a version too, which no proxy may know.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != library || info.Main.Sum == "" {
		return ""
	}
	return info.Main.Version
}

// fromCheckout finds the checkout in which the program is run.
func fromCheckout(ctx context.Context) (source, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", library)
	out, err := cmd.Output()
	if err != nil {
		return source{}, errors.New("this program is not a release and is not run in a checkout of the library; " +
			"accepted are a version such as v0.4.0, and the path of a checkout")
	}
	return fromFolder(strings.TrimSpace(string(out)))
}

func fromFolder(folder string) (source, error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return source{}, err
	}
	text, err := os.ReadFile(filepath.Join(absolute, "go.mod"))
	if err != nil {
		return source{}, fmt.Errorf("%q is neither a version such as v0.4.0 nor the path of a checkout: %w", folder, err)
	}
	if found := modfile.ModulePath(text); found != library {
		return source{}, fmt.Errorf("%s holds the module %q, not %s", absolute, found, library)
	}
	return source{folder: absolute}, nil
}
