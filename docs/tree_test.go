package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// topLevel lists the files and folders at the top of the repository, with the reasons. The reason is empty for those
// that every Go module of this design has: the files of a driver, the story of one call, the API for authors, and the
// name and the license of the module.
var topLevel = map[string]string{
	"driver.go": "", "options.go": "", "endpoint.go": "", "socket_perms.go": "", "telemetry.go": "", "recovery.go": "", "env.go": "",

	"chain.go":   "the story of a call: the order of its stages",
	"request.go": "the story of a call: its way in",
	"answer.go":  "the story of a call: its way out",
	"logging.go": "the story of a call: its line",

	"identity.go":    "used by authors",
	"credentials.go": "used by authors",
	"parameters.go":  "used by authors",
	"probe.go":       "used by authors",
	"doc.go":         "the package's documentation",

	"go.mod": "", "go.sum": "", "README.md": "", "CONTRIBUTING.md": "", "LICENSE": "", "Makefile": "", ".gitignore": "",

	"cmd": "", "examples": "", "internal": "",

	"cositest":      "imported by the tests of drivers, so it cannot be internal",
	"docs":          "documents that are too long for README.md",
	"CHANGELOG.md":  "looked for at the top, by people and by tools",
	"RELEASE.md":    "looked for at the top, by maintainers and by users who ask what a version promises",
	".ci":           "what CI runs; part of no package",
	".github":       "workflows, forms, and an action for the workflows of drivers, where GitHub looks for them",
	".golangci.yml": "looked for at the top, by the linter",
	".dockerignore": "looked for at the top, by the engine that builds the image of cosictl",
}

// The limits that keep the root package small enough to read in one sitting.
const (
	maxFiles     = 17
	maxLines     = 1850
	maxTestFiles = 25
)

// TestTopLevel compares the top of the repository with the list, and measures the root package.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	needsClone(t)
	entries, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	files, lines, tests := 0, 0, 0
	for _, entry := range entries {
		name := entry.Name()
		seen[name] = true
		switch {
		case strings.HasSuffix(name, "_test.go"):
			tests++
		case strings.HasSuffix(name, ".go"):
			files++
			lines += strings.Count(readFile(t, name), "\n")
			fallthrough
		default:
			if _, ok := topLevel[name]; !ok && !ignored(t, name) {
				t.Errorf("%s is at the top without a reason, want one in topLevel", name)
			}
		}
	}
	for name := range topLevel {
		if !seen[name] {
			t.Errorf("%s is missing, want it at the top", name)
		}
	}
	if files > maxFiles || lines > maxLines || tests > maxTestFiles {
		t.Errorf("the root has %d files (%d are allowed) with %d lines (%d), and %d test files (%d)",
			files, maxFiles, lines, maxLines, tests, maxTestFiles)
	}
}

// needsClone skips a test of files that a downloaded module lacks.
func needsClone(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(at(".ci/run")); err != nil {
		t.Skip("no clone of the repository: not all of it is here")
	}
}

// ignored reports whether a name at the top belongs to Git, or Git ignores it.
func ignored(t *testing.T, name string) bool {
	t.Helper()
	if name == ".git" {
		return true
	}
	for pattern := range strings.Lines(readFile(t, ".gitignore")) {
		pattern = strings.Trim(strings.TrimSpace(pattern), "/")
		if match, err := filepath.Match(pattern, name); err != nil {
			t.Fatal(err)
		} else if match {
			return true
		}
	}
	return false
}

// TestMap follows every path in CONTRIBUTING.md's table of places, and checks that the file has the names after its
// path.
func TestMap(t *testing.T) {
	t.Parallel()
	needsClone(t)
	text := readFile(t, "CONTRIBUTING.md")
	_, table, ok := strings.Cut(text, "## Where things are\n")
	if !ok {
		t.Fatal("CONTRIBUTING.md has no table of places, want one")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.Contains(cells[2], "`") {
			continue
		}
		rows++
		for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[2], -1) {
			checkPlace(t, found[1])
		}
	}
	if rows < 20 {
		t.Errorf("the map has %d rows, want 20 or more", rows)
	}
}

// checkPlace checks that a path exists and, in the form path: name, that the file has the name.
func checkPlace(t *testing.T, place string) {
	t.Helper()
	path, name, named := strings.Cut(place, ": ")
	if _, err := os.Stat(at(path)); err != nil {
		t.Errorf("CONTRIBUTING.md: %v", err)
	} else if named && !regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).MatchString(readFile(t, path)) {
		t.Errorf("CONTRIBUTING.md: %s lacks the name, want %s", path, name)
	}
}
