package cositest_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/rules"
)

// docs/conformance.md has a heading, and so an anchor, for each rule that has a case, and says how it is mended.
func TestDocumentationOfEachCase(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	sections := map[string]string{}
	for _, section := range strings.Split(text, "\n### ")[1:] {
		id, body, _ := strings.Cut(section, "\n")
		if _, ok := sections[id]; ok {
			t.Errorf("%s has two sections", id)
		}
		body, _, _ = strings.Cut(body, "\n## ")
		sections[id] = body
	}
	used := map[string]bool{}
	for _, c := range cositest.Cases() {
		used[c.ID] = true
		body := sections[c.ID]
		if !strings.HasPrefix(body, "\n*") || !strings.Contains(body, "\n**Mend it:** ") {
			t.Errorf("%s has no section that says what a failure is and how it is mended", c.ID)
		}
		if c.Name != c.ID && !strings.Contains(body, "`"+c.Name+"`") {
			t.Errorf("the section of %s does not tell of the case %q", c.ID, c.Name)
		}
	}
	for id := range sections {
		if !used[id] {
			t.Errorf("%s has a section, and no case", id)
		}
	}
	for _, r := range rules.All() {
		if !regexp.MustCompile(r.ID + `\b`).MatchString(text) {
			t.Errorf("%s is not mentioned", r.ID)
		}
	}
	known := regexp.MustCompile(`\b(GEN|INFO|CREATE|DELETE|GRANT|REVOKE|ISOLATION|LOAD|OUTAGE|NEXT)-\d+\b`)
	for _, id := range slices.Compact(slices.Sorted(slices.Values(known.FindAllString(text, -1)))) {
		if _, ok := rules.Of(id); !ok {
			t.Errorf("%s is mentioned, and is no rule", id)
		}
	}
}

// The tables of inputs and outcomes are whole.
func TestDocumentationOfConfigAndOutcomes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		"| passed |", "| warned |", "| failed |", "| not applicable |", "| not configured |", "| skipped |", "| not reached |",
		"`IncompatibleBucketParameters`", "`IncompatibleAccessParameters`", "`BadBucketName`", "`UnprovisionableParameters`",
		"`AuthenticationTypes`", "`SocketFolder`", "`Log`", "`Access`", "`MakeForeignBucket`", "`CountAccounts`", "`Outage`", "`Restart`", "`Destructive`",
	} {
		if !strings.Contains(string(raw), row) {
			t.Errorf("%s is missing", row)
		}
	}
}
