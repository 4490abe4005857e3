package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestPlaceReturnsErrorsOfStat checks that any error except fs.ErrNotExist ends place before it writes.
func TestPlaceReturnsErrorsOfStat(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, strings.Repeat("x", 1000)) // longer than any file system allows
	err := place(dir, func(string, *os.Root) error { return errors.New("was filled") })
	if err == nil || !strings.Contains(err.Error(), "stat ") {
		t.Errorf("got %v, want the error of stat", err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("the parent holds %v, %v; want nothing", entries, err)
	}
}

// TestDependencies compares the table of the library's dependencies with its go.mod.
func TestDependencies(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range file.Require {
		want = append(want, r.Mod.Path)
	}
	slices.Sort(want)
	if !slices.Equal(dependencies, want) {
		t.Errorf("the table has %q, go.mod requires %q", dependencies, want)
	}
}

// TestLinter compares the version of the linter that a scaffold's workflow runs with the one that "make lint" runs on a scaffold.
func TestLinter(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "GOLANGCI_LINT_VERSION := "+linter+"\n") {
		t.Errorf("the Makefile has another golangci-lint, want %s", linter)
	}
}

// TestEntries compares the table of names that no program may have with what is written.
func TestEntries(t *testing.T) {
	t.Parallel()
	files, err := plan{module: "example.com/x", name: "x.example.com", app: "x", source: source{version: "v0.4.0"}, with: everything()}.render()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if top, _, _ := strings.Cut(f.path, "/"); !slices.Contains(entries, top) {
			t.Errorf("the table lacks %s, which is written", top)
		}
	}
}

// everything asks for each extra.
func everything() map[string]bool {
	with := map[string]bool{}
	for name := range extras {
		with[name] = true
	}
	return with
}

// TestPlaceAtOnce checks that of many processes that fill a folder at once one does, and the others leave nothing.
func TestPlaceAtOnce(t *testing.T) {
	t.Parallel()
	for _, existing := range []bool{false, true} {
		for range 50 {
			placeAtOnce(t, existing)
		}
	}
}

func placeAtOnce(t *testing.T, existing bool) {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "new")
	if existing {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			err := place(dir, func(_ string, root *os.Root) error {
				return errors.Join(root.Mkdir("servers", 0o750), root.WriteFile("servers/x", []byte{byte('0' + i)}, 0o600))
			})
			if err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	beside, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(beside) != 1 {
		t.Errorf("beside the folder are %v, %v; want nothing", beside, err)
	}
	within, err := os.ReadDir(dir)
	if err != nil || len(within) != 1 || won.Load() != 1 {
		t.Errorf("%d won, and the folder holds %v, %v; want one, and what it wrote", won.Load(), within, err)
	}
}
