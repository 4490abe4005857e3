package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestEntries compares the table of names that no program may have with what is written.
func TestEntries(t *testing.T) {
	t.Parallel()
	files, err := plan{module: "example.com/x", name: "x.example.com", app: "x", source: source{version: "v0.4.0"}}.render()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if top, _, _ := strings.Cut(f.path, "/"); !slices.Contains(entries, top) {
			t.Errorf("the table lacks %s, which is written", top)
		}
	}
}
