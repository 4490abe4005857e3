package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAPI compares the committed text with the code, so that the diff of a change shows the change to the API.
func TestAPI(t *testing.T) {
	t.Parallel()
	neverCached(t, "../../../*.go", "../../../cositest/*.go", "../../../cositest/report/*.go")
	text, err := describe("github.com/doomshrine/gocosi", "github.com/doomshrine/gocosi/cositest", "github.com/doomshrine/gocosi/cositest/report")
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

// neverCached reads the sources, so that the go command repeats the test when they change. The go command does not see
// the files that the compiler reads.
func neverCached(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v, want some", pattern, len(files), err)
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
			t.Errorf("%q %s: if you want this change, run \"make api\" and commit docs/api.txt", line, what)
		}
	}
}

// TestDescribe covers declarations that the packages of TestAPI may lack.
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
