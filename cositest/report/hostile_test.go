package report_test

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
)

// hostile acts on terminals, browsers and parsers that take it as it is.
const hostile = "\x1b[31m\x1b]0;title\x07\x00\r\u009b2J\u202e\u2028\u200b\xff \n::error::line\n```\n]]> --> </code></style></script>" +
	"<script>alert(1)</script><img src=x onerror=alert(2)>\"'><a href=javascript:alert(3)>{{.}}&lt;"

// Nothing that a driver said acts on whoever reads its report.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for name, write := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := written(t, write, sample(hostile))
			if !utf8.ValidString(got) {
				t.Error("it is not UTF-8")
			}
			for _, r := range got {
				if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
					t.Errorf("it has the character %U", r)
				}
			}
			if name == report.HTMLFile || name == report.JUnitFile {
				if got, want := tags(got), tags(written(t, write, sample(""))); !slices.Equal(got, want) {
					t.Errorf("a text changes the elements: there are %d, want %d", len(got), len(want))
				}
			}
			if strings.Contains(got, "\n::error") || strings.Contains(got, "\n```") {
				t.Error("a text begins a line")
			}
			if !strings.Contains(html.UnescapeString(got), `\u001b[31m`) && !strings.Contains(got, `\\u001b[31m`) {
				t.Error("the text is gone instead of escaped")
			}
		})
	}
}

// tags are the elements of a page, with the names of their attributes.
func tags(page string) []string {
	var found []string
	for _, tag := range regexp.MustCompile(`<[a-zA-Z/!?][^>]*>`).FindAllString(page, -1) {
		found = append(found, regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, ""))
	}
	return found
}

func TestHostileTextsAreReadBack(t *testing.T) {
	t.Parallel()
	r := sample(hostile)
	back := fromJSON(t, written(t, report.JSON, r))
	suite := fromJUnit(t, written(t, report.JUnit, r))
	if len(back.Results) != len(r.Results) || suite.Tests != len(r.Results) || len(suite.Cases) != suite.Tests {
		t.Errorf("%d and %d results of %d", len(back.Results), len(suite.Cases), len(r.Results))
	}
	if r.Results[0].Reason != sample(hostile).Results[0].Reason {
		t.Error("the report itself is changed")
	}
}

// A line is one line.
func TestLineOfHostileText(t *testing.T) {
	t.Parallel()
	for _, one := range sample(hostile).Results {
		if got := report.Line(one); strings.ContainsAny(got, "\n\r\x1b") || !strings.HasPrefix(got, string(one.Outcome)) {
			t.Errorf("the line is %q", got)
		}
	}
	if got := report.Verdict(&cositest.Report{Problem: hostile}); strings.ContainsAny(got, "\n\r\x1b") {
		t.Errorf("the verdict is %q", got)
	}
}
