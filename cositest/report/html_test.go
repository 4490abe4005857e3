package report_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
)

// all is a report with a case of each RPC and level, and each outcome.
func all() *cositest.Report {
	r := &cositest.Report{}
	for i, k := range cositest.Cases() {
		r.Results = append(r.Results, cositest.Result{Case: k, Outcome: cositest.Outcomes()[i%len(cositest.Outcomes())], Reason: "reason"})
	}
	return r
}

// The page has all that it needs, and a browser lets it have nothing else.
func TestPageIsSelfContained(t *testing.T) {
	t.Parallel()
	page := written(t, report.HTML, all())
	for _, no := range []string{"<script", "src=", "href=", "url(", "@import", "http://", "https://", " style=", " onclick"} {
		if strings.Contains(page, no) {
			t.Errorf("the page has %q", no)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if !strings.Contains(html.UnescapeString(page), `http-equiv="Content-Security-Policy" content="`+want+`"`) {
		t.Errorf("the policy is not %q", want)
	}
}

// Each box has a style that hides the cases of its kind, and each case is hidden by a box of each kind.
func TestFilters(t *testing.T) {
	t.Parallel()
	page := written(t, report.HTML, all())
	boxes := regexp.MustCompile(`<input type="checkbox" id="show-(outcome|rpc|level)-([a-z-]+)" checked>`).FindAllStringSubmatch(page, -1)
	if want := len(cositest.Outcomes()) + 6 + 6; len(boxes) != want {
		t.Errorf("there are %d boxes, want %d", len(boxes), want)
	}
	class := map[string]string{"outcome": "", "rpc": "rpc-", "level": "level-"}
	known := map[string]bool{}
	for _, box := range boxes {
		of := class[box[1]] + box[2]
		known[of] = true
		if rule := "body:has(#show-" + box[1] + "-" + box[2] + ":not(:checked)) .case." + of; !strings.Contains(page, rule+",\n") && !strings.Contains(page, rule+" {") {
			t.Errorf("the style lacks %q", rule)
		}
	}
	cases := regexp.MustCompile(`<details class="case ([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(cases) != len(cositest.Cases()) {
		t.Errorf("there are %d cases", len(cases))
	}
	for _, one := range cases {
		classes := strings.Fields(one[1])
		for _, name := range classes {
			if !known[name] {
				t.Errorf("no box is for %q", name)
			}
		}
		if len(classes) != 3 {
			t.Errorf("the classes are %v", classes)
		}
	}
}

// A box that would hide nothing is not there.
func TestFiltersOfFewCases(t *testing.T) {
	t.Parallel()
	r := &cositest.Report{Results: []cositest.Result{{Case: cositest.Cases()[0], Outcome: cositest.Passed}}}
	if n := strings.Count(written(t, report.HTML, r), `type="checkbox"`); n != 3 {
		t.Errorf("there are %d boxes, want 3", n)
	}
}

// The matrix counts every case once.
func TestMatrix(t *testing.T) {
	t.Parallel()
	n := 0
	for range regexp.MustCompile(`<span class="chip [a-z-]+" title="1 `).FindAllString(written(t, report.HTML, &cositest.Report{
		Results: []cositest.Result{{Case: cositest.Cases()[0], Outcome: cositest.Failed}, {Case: cositest.Cases()[6], Outcome: cositest.Failed}},
	}), -1) {
		n++
	}
	if n != 2 {
		t.Errorf("the matrix has %d cells, want 2", n)
	}
}
