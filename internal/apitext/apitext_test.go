package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	_ "github.com/doomshrine/gocosi/cositest" // a change to the packages makes a cached result of the tests void
)

// TestAPI holds the committed text against the code, so that a change to the API is seen by whoever reads the diff.
func TestAPI(t *testing.T) {
	t.Parallel()
	text, err := describe("github.com/doomshrine/gocosi", "github.com/doomshrine/gocosi/cositest")
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../docs/api.txt")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "is new in the API", text, string(committed))
	compare(t, "is no more in the API", string(committed), text)
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
