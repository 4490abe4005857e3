package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// figures lists what README.md says of measurements: a pattern of its text, and a pattern of the measured document. What the
// groups find must be the same.
var figures = []struct{ said, document, measured string }{
	{`A call has (\d+) more allocations than bare gRPC`, "docs/benchmarks.md", `(?s)### 128 at once.*?\n\| gocosi \| bare gRPC \|[^\n]*?\| \+(\d+)\.\d \|`},
	{`with 128 callers ([\d.]+) of its calls per second`, "docs/benchmarks.md", `(?s)### 128 at once.*?\n\| gocosi \| bare gRPC \| \d+ \| ([\d.]+) \(`},
	{`(\d+) callers made ([\d,]+) calls in (\d+) minutes`, "docs/endurance.md", `\n- (\d+) calls by (\d+) callers in (\d+)m0s`},
	{`with (\d+) restarts and`, "docs/endurance.md", `(\d+) \| \d+ms \|\n\n`},
	{`and got (\d+) wrong answers`, "docs/endurance.md", `distinct buckets; (\d+) wrong answers`},
	{`had (\d+) lines around its handlers and failed (\d+) cases`, "docs/migrating.md", `\n\| before \| (\d+) \| \d+ \| \d+ \| \d+ \| (\d+) \|`},
	{`address already in use` + "`" + ` \((\d+) of (\d+) drivers\)`, "docs/comparison.md", `address already in use` + "`" + `\. One pod[^|]*\| (\d+) of (\d+) \|`},
	{`One of the changes is lost \((\d+) of (\d+) drivers\)`, "docs/comparison.md", `policy without a lock\. \| (\d+) of (\d+) \|`},
	{`whole answers to grants \((\d+) of (\d+) drivers\)`, "docs/comparison.md", `whole answers to grants into the log\. \| (\d+) of (\d+) \|`},
	{`\| lines around[^|]*\| (\d+); (\d+); ([\d.]+) MB \|`, "docs/comparison.md", `(?s)\| lines around the handlers \| (\d+);.*\| modules linked \| (\d+);.*\| binary, stripped \| ([\d.]+) MB;`},
	{`\| lines around[^|]*\|[^|]*\|[^|]*\| (\d+); (\d+); ([\d.]+) MB \|`, "docs/comparison.md", `(?s)\| lines around the handlers [^\n]* \| (\d+) \|\n\| modules linked [^\n]* \| (\d+) \|\n\| binary, stripped [^\n]* \| ([\d.]+) MB \|`},
	{`seen \| 0755 in (\d+) of (\d+) starts \| 0755 in (\d+) of`, "docs/comparison.md", `seen \| 0755 in (\d+) of (\d+) starts \| 0755 in (\d+) of`},
	{`runs on after (\d+) s \| runs on after (\d+) s \| exit 1 after (\d+) s`, "docs/comparison.md", `runs on after (\d+) s \| runs on after (\d+) s \|[^|]*\| exit 1 after (\d+) s`},
	{`checks drivers with (\d+) cases; our kit has (\d+) `, "docs/comparison.md", `\n\| cases \| (\d+) \| (\d+) \|`},
	{`(\d+); \d+; [\d.]+ MB \| \d+; \d+; [\d.]+ MB \| (\d+);`, "docs/migrating.md", `(?s)\n\| before \| (\d+) .*\n\| after \| (\d+) `},
	{`Migrated, it has (\d+) and fails (\d+) `, "docs/migrating.md", `\n\| after \| (\d+) \| \d+ \| \d+ \| \d+ \| (\d+) \|`},
}

// TestFigures compares the figures in README.md with the documents that measure them.
func TestFigures(t *testing.T) {
	t.Parallel()
	for _, f := range figures {
		said, measured := groups(t, "README.md", f.said), groups(t, f.document, f.measured)
		if !slices.Equal(said, measured) {
			t.Errorf("README.md says %q, want what %s says: %q", said, f.document, measured)
		}
	}
}

// groups returns what the groups of a pattern find, in the order of the alphabet and without commas.
func groups(t *testing.T, path, pattern string) []string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(readFile(t, path))
	if found == nil {
		t.Errorf("%s has nothing like %q", path, pattern)
		return nil
	}
	for i := range found {
		found[i] = strings.ReplaceAll(found[i], ",", "")
	}
	return slices.Sorted(slices.Values(found[1:]))
}

// TestReadmeIsShort bounds README.md: what does not fit has a document of its own.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	const most = 150
	if n := strings.Count(readFile(t, "README.md"), "\n"); n > most {
		t.Errorf("README.md has %d lines, want at most %d", n, most)
	}
}
