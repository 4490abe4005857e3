package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/doomshrine/gocosi/internal/buildinfo"
)

// source says where the new module finds the library: in a release, or else in a folder of this machine.
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

// findSource reads -gocosi; for "" it finds out where this program comes from.
func findSource(ctx context.Context, flag string) (source, error) {
	switch {
	case semver.IsValid(flag):
		return fromVersion(flag)
	case flag != "":
		return fromFolder(flag)
	}
	if version != "" {
		return fromVersion(version)
	}
	if release := buildinfo.Release(); release != "" {
		return source{version: release}, nil
	}
	return fromCheckout(ctx)
}

// fromVersion refuses versions that go.mod cannot require.
func fromVersion(version string) (source, error) {
	if version != semver.Canonical(version) {
		return source{}, fmt.Errorf("%q is not a whole version, or has metadata after a plus; want a version such as v0.4.0", version)
	}
	if err := module.Check(library, version); err != nil {
		return source{}, fmt.Errorf("%w; want a version such as v0.4.0", err)
	}
	return source{version: version}, nil
}

// fromCheckout finds the checkout that the program runs in.
func fromCheckout(ctx context.Context) (source, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", library)
	out, err := cmd.Output()
	if err != nil {
		return source{}, errors.New("this program is not a release and is not run in a checkout of the library; " +
			"want a version such as v0.4.0 or the path of a checkout")
	}
	return fromFolder(strings.TrimSpace(string(out)))
}

// fromFolder checks that a folder holds the library.
func fromFolder(folder string) (source, error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return source{}, err
	}
	text, err := os.ReadFile(filepath.Join(absolute, "go.mod")) //nolint:gosec // the path is the user's own
	if err != nil {
		return source{}, fmt.Errorf("%q is neither a version such as v0.4.0 nor the path of a checkout: %w", folder, err)
	}
	if found := modfile.ModulePath(text); found != library {
		return source{}, fmt.Errorf("%s holds module %q; want %s", absolute, found, library)
	}
	return source{folder: absolute}, nil
}
