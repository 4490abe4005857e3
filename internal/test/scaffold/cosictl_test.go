package scaffold_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cosictlMB bounds the program in cosictl's image.
const cosictlMB = 15.0

// TestCosictlImage makes the image of cosictl as TestImages makes those of drivers.
func TestCosictlImage(t *testing.T) {
	t.Parallel()
	const version = "v9.8.7"
	checkImage(t, filepath.Join(root, "cmd", "cosictl"), libraryContext(t), architectures(t), wanted{
		program: "cosictl", app: "cosictl", version: version, mostMB: cosictlMB,
		tells: func(t *testing.T, program string) {
			t.Helper()
			cmd := exec.CommandContext(t.Context(), program, "version", "-o", "json")
			cmd.Env = []string{} // as in an image
			out, err := cmd.Output()
			var got struct {
				Version    string `json:"version"`
				Generation string `json:"generation"`
			}
			if err != nil || json.Unmarshal(out, &got) != nil || got.Version != version || got.Generation != "v1alpha1" {
				t.Errorf("cosictl version says %q (%v), want version %s of generation v1alpha1", out, err, version)
			}
		},
	})
}

// libraryContext copies the library's own module without the files in its .dockerignore.
func libraryContext(t *testing.T) string {
	t.Helper()
	files, err := moduleFiles()
	if err != nil {
		t.Fatal(err)
	}
	dir, patterns := t.TempDir(), strings.Fields(string(read(t, root, ".dockerignore")))
	for _, f := range files {
		entry, _, _ := strings.Cut(f.Path(), "/")
		if ignored(t, patterns, entry) {
			continue
		}
		target := filepath.Join(dir, filepath.FromSlash(f.Path()))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, read(t, root, f.Path()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestMakeCosictlImage expects the image, the version and the engine that make is given.
func TestMakeCosictlImage(t *testing.T) {
	t.Parallel()
	m := newMakefile(t)
	m.folder = root
	for _, test := range []struct {
		args                   []string
		engine, version, image string
	}{
		{nil, "docker", "dev", "cosictl:dev"},
		{[]string{"VERSION=v1.2.3"}, "docker", "v1.2.3", "cosictl:v1.2.3"},
		{[]string{"VERSION=v1.2.3", "IMAGE=registry.example.com/cosictl:x", "DOCKER=podman"}, "podman", "v1.2.3", "registry.example.com/cosictl:x"},
	} {
		said, got, err := m.run(t, append([]string{"image-cosictl"}, test.args...)...)
		want := fmt.Sprintf("%s build -f cmd/cosictl/Dockerfile --build-arg VERSION=%s -t %s .", test.engine, test.version, test.image)
		if err != nil || got != want {
			t.Errorf("make image-cosictl %q ran %q, want %q; %v\n%s", test.args, got, want, err, said)
		}
	}
}
