package scaffold_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestKindsOfError runs a test of the codes that a new scaffold gives a backend's errors.
func TestKindsOfError(t *testing.T) {
	t.Parallel()
	folder := scaffold(t, "cosi-osp")
	fill(t, folder, filepath.Join("testdata", "generation1"))
	if err := goCommand(folder, "test", "./servers/provisioner"); err != nil {
		t.Error(err)
	}
}

// TestSecondGeneration moves a new scaffold to a made-up generation of the protocol, which asks for ids before anything is
// created. It replaces provisioner.go and expects a backend to survive: backend.go and memory.go stay as they are, byte for
// byte, build, and pass a test over that generation's own messages. main.go and driver_test.go are not built, since the
// library serves no such generation.
func TestSecondGeneration(t *testing.T) {
	t.Parallel()
	folder := scaffold(t, "cosi-osp")
	before := files(t, folder)
	fill(t, folder, filepath.Join("testdata", "generation2"))
	changed := maps.Clone(before)
	for name, text := range files(t, folder) {
		if old, ok := before[name]; ok && old == text {
			delete(changed, name)
		} else {
			changed[name] = text
		}
	}
	want := []string{"servers/generation/generation.go", "servers/provisioner/provisioner.go", "servers/provisioner/provisioner_test.go"}
	if got := slices.Sorted(maps.Keys(changed)); !slices.Equal(got, want) {
		t.Errorf("the move changes %q, want %q", got, want)
	}
	if err := goCommand(folder, "test", "./servers/..."); err != nil {
		t.Error(err)
	}
}

// files returns the contents of a folder by their slash-separated names.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		contents[filepath.ToSlash(name)] = string(read(t, folder, name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

// fill copies files into a folder, over those of the same names.
func fill(t *testing.T, folder, from string) {
	t.Helper()
	for name, text := range files(t, from) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
