package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// apiFile holds the public API as text, which a test compares with the code. gorelease would compare packages instead, but it asks the
// module proxy for a list of versions, and does not run where lists are refused.
const apiFile = "docs/api.txt"

// difference holds what a release changes in the public API.
type difference struct {
	previous       string // tag; "" when there is none
	text           bool   // whether the previous tag has the API as text
	added, removed []string
}

// compareAPI compares the API with the previous tag's, and refuses a removal that the version does not announce.
func (r *release) compareAPI(ctx context.Context) error {
	tags, err := git(ctx, r.root, "tag", "--list", "v*", "--merged", "HEAD")
	if err != nil {
		return err
	}
	r.api.previous = previous(strings.Fields(tags), r.version)
	now, err := os.ReadFile(filepath.Join(r.root, apiFile))
	if err != nil {
		return err
	}
	before := ""
	if r.api.previous != "" {
		listed, err := git(ctx, r.root, "ls-tree", "--name-only", r.api.previous, apiFile)
		if err != nil {
			return err
		}
		if r.api.text = listed != ""; r.api.text {
			if before, err = git(ctx, r.root, "show", r.api.previous+":"+apiFile); err != nil {
				return err
			}
		}
	}
	r.api.added, r.api.removed = without(string(now), before), without(before, string(now))
	if len(r.api.removed) > 0 && !mayRemove(r.api.previous, r.version) {
		return fmt.Errorf("the API lacks %d lines that %s has, the first %q; want %s", len(r.api.removed), r.api.previous, r.api.removed[0],
			"a version that may remove them: see RELEASE.md")
	}
	return nil
}

// previous returns the greatest tag before a version. Before a final version, only final ones count.
func previous(tags []string, version string) string {
	greatest := ""
	for _, tag := range tags {
		if !semver.IsValid(tag) || semver.Compare(tag, version) >= 0 || semver.Prerelease(version) == "" && semver.Prerelease(tag) != "" {
			continue
		}
		if greatest == "" || semver.Compare(tag, greatest) > 0 {
			greatest = tag
		}
	}
	return greatest
}

// mayRemove reports whether a version may remove what the previous one has: a major version, a minor one before v1, and
// whatever follows a pre-release.
func mayRemove(previous, version string) bool {
	if semver.Prerelease(previous) != "" || semver.Major(previous) != semver.Major(version) {
		return true
	}
	return semver.Major(version) == "v0" && semver.MajorMinor(previous) != semver.MajorMinor(version)
}

// without returns the lines of a text that another lacks.
func without(text, other string) []string {
	known := strings.Split(other, "\n")
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(line string) bool { return line == "" || slices.Contains(known, line) })
}

// String returns a line that says what was compared, and the changed lines.
func (d difference) String() string {
	var text strings.Builder
	switch {
	case d.previous == "":
		fmt.Fprintf(&text, "no earlier tag: all %d lines of %s are new\n", len(d.added), apiFile)
		return text.String()
	case !d.text:
		fmt.Fprintf(&text, "%s has no %s: all %d lines are new\n", d.previous, apiFile, len(d.added))
		return text.String()
	}
	fmt.Fprintf(&text, "since %s: %d lines added, %d removed\n", d.previous, len(d.added), len(d.removed))
	for _, line := range d.removed {
		fmt.Fprintf(&text, "- %s\n", line)
	}
	for _, line := range d.added {
		fmt.Fprintf(&text, "+ %s\n", line)
	}
	return text.String()
}
