package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAPI holds the committed text against the code, so that a change to the API is seen by whoever reads the diff.
func TestAPI(t *testing.T) {
	t.Parallel()
	neverCached(t, "../../../*.go", "../../../cositest/*.go")
	text, err := describe("github.com/doomshrine/gocosi", "github.com/doomshrine/gocosi/cositest")
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../../docs/api.txt")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "is new in the API", text, string(committed))
	compare(t, "is no more in the API", string(committed), text)
}

// neverCached reads the sources, so that the go command repeats the test when they change: it does not see what the
// compiler reads.
func neverCached(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			if _, err := os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// compare reports the lines of one text that the other lacks.
func compare(t *testing.T, what, one, other string) {
	t.Helper()
	known := strings.Split(other, "\n")
	for line := range strings.SplitSeq(one, "\n") {
		if !slices.Contains(known, line) {
			t.Errorf("%q %s: if that is meant, \"make api\" and commit docs/api.txt", line, what)
		}
	}
}

// TestDescribe covers the shapes that the packages above need not have.
func TestDescribe(t *testing.T) {
	t.Parallel()
	text, err := describe("./testdata/shapes")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/shapes.txt")
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}
