package scaffold_test

import (
	"bytes"
	"go/version"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestImages makes the image that each Dockerfile describes, with only the files that a container engine gets, for every platform
// in the scaffold's Makefile. It writes the image as an OCI layout and checks what it reads back.
func TestImages(t *testing.T) {
	t.Parallel()
	platforms := architectures(t)
	forEach(t, func(t *testing.T, d deployed) {
		checkImage(t, d.folder, dockerContext(t, d.folder), platforms, d.wanted())
	})
}

// checkImage makes the image of a Dockerfile in a folder, from the files that a container engine gets.
func checkImage(t *testing.T, folder, context string, platforms []string, w wanted) {
	t.Helper()
	file, layout := parseDockerfile(t, folder), newLayout()
	for _, arch := range platforms {
		given := map[string]string{"TARGETOS": "linux", "TARGETARCH": arch, "VERSION": w.version}
		root := file.build.run(t, context, given)
		config, files := file.image.describe(t, given)
		layout.add(t, arch, config, root, files)
	}
	w.folders = []string{context, root}
	w.check(t, layout.write(t))
}

// wanted returns what a driver's image must be. Without a store, not every driver starts, and only a scaffold's program is bounded.
func (d deployed) wanted() wanted {
	const version = "v9.8.7"
	w := wanted{program: "driver", app: d.app, version: version}
	if d.asksStore {
		w.tells = func(t *testing.T, program string) {
			t.Helper()
			if got := told(t, program); got != version {
				t.Errorf("-version tells %q, want %s", got, version)
			}
		}
		return w
	}
	w.mostMB = mostMB
	w.tells = func(t *testing.T, program string) { t.Helper(); checkVersion(t, program, regexp.QuoteMeta(version)) }
	return w
}

// architectures lists those for which the scaffold's Makefile builds images.
func architectures(t *testing.T) []string {
	t.Helper()
	for line := range strings.Lines(string(read(t, scaffold(t, "cosi-osp"), "Makefile"))) {
		if list, ok := strings.CutPrefix(line, "PLATFORMS ?= "); ok {
			return strings.Split(strings.ReplaceAll(strings.TrimSpace(list), "linux/", ""), ",")
		}
	}
	t.Fatal("the Makefile has no line PLATFORMS ?=, want one")
	return nil
}

// dockerContext copies a folder without the files in its .dockerignore. It vendors the modules, because the library
// lies outside of the folder.
func dockerContext(t *testing.T, folder string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := goCommand(folder, "mod", "vendor", "-o", filepath.Join(dir, "vendor")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	patterns := strings.Fields(string(read(t, folder, ".dockerignore")))
	for _, e := range entries {
		if !ignored(t, patterns, e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ignored reports whether a pattern names an entry of the folder itself.
func ignored(t *testing.T, patterns []string, name string) bool {
	t.Helper()
	for _, p := range patterns {
		matches, err := path.Match(p, name)
		if err != nil || strings.ContainsAny(p, "/!#") {
			t.Fatalf(".dockerignore has %q, want a pattern for an entry of the folder", p)
		}
		if matches {
			return true
		}
	}
	return false
}

// TestGoVersions compares the Go versions of the library, the driver and the Dockerfile.
func TestGoVersions(t *testing.T) {
	t.Parallel()
	want := goDirective(t, root)
	forEach(t, func(t *testing.T, d deployed) {
		if got := goDirective(t, d.folder); got != want {
			t.Errorf("the driver's module says go %s, the library go %s", got, want)
		}
		if got := builder(parseDockerfile(t, d.folder).build); version.Compare("go"+got, "go"+want) < 0 {
			t.Errorf("the Dockerfile builds with Go %s, want %s or later, as go.mod does", got, want)
		}
	})
}

func goDirective(t *testing.T, dir string) string {
	t.Helper()
	file, err := modfile.ParseLax("go.mod", read(t, dir, "go.mod"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Go.Version
}

// TestMainIsShort limits the length of main.go, so that a reader sees it at a glance.
func TestMainIsShort(t *testing.T) {
	t.Parallel()
	if lines := bytes.Count(read(t, scaffold(t, "cosi-osp"), "main.go"), []byte("\n")); lines > 45 {
		t.Errorf("main.go has %d lines, want at most 45", lines)
	}
}
