package scaffold_test

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestDockerfileBuilds runs the build line of each Dockerfile with only the files that a container engine gets. It
// builds the scaffold for both platforms in its Makefile.
func TestDockerfileBuilds(t *testing.T) {
	t.Parallel()
	for _, d := range drivers(t) {
		t.Run(d.app, func(t *testing.T) {
			t.Parallel()
			context := dockerContext(t, d.folder)
			buildImage(t, d.folder, context, "amd64")
			if !d.asksStore {
				buildImage(t, d.folder, context, "arm64")
			}
		})
	}
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

func buildImage(t *testing.T, folder, context, arch string) {
	t.Helper()
	build := regexp.MustCompile(`(?m)^RUN (.* go build .*)$`).FindSubmatch(read(t, folder, "Dockerfile"))
	if build == nil {
		t.Fatal("the Dockerfile has no build line, want one")
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(string(build[1]), "/out/", `"$OUT"/`))
	cmd.Dir = context
	cmd.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH="+arch, "OUT="+out, "VERSION=v9.8.7")
	if message, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build[1], err, message)
	}
	info, err := os.Stat(filepath.Join(out, "driver"))
	if err != nil {
		t.Fatal(err)
	}
	if arch == runtime.GOARCH && runtime.GOOS == "linux" {
		told, err := exec.CommandContext(t.Context(), filepath.Join(out, "driver"), "-version").CombinedOutput()
		if err != nil || !strings.Contains(string(told), " v9.8.7, gocosi ") {
			t.Errorf("-version tells %q (%v), want v9.8.7", told, err)
		}
	}
	t.Logf("linux/%s: %.1f MB", arch, float64(info.Size())/1e6)
}

// TestGoVersions compares the Go versions of the library, the driver and the Dockerfile.
func TestGoVersions(t *testing.T) {
	t.Parallel()
	want := goDirective(t, root)
	forEach(t, func(t *testing.T, d deployed) {
		if got := goDirective(t, d.folder); got != want {
			t.Errorf("the driver's module says go %s, the library go %s", got, want)
		}
		image := regexp.MustCompile(`golang:([0-9.]+) `).FindSubmatch(read(t, d.folder, "Dockerfile"))
		if image == nil || !strings.HasPrefix(want, string(image[1])+".") {
			t.Errorf("the Dockerfile builds with %q, go.mod wants %s", image, want)
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
