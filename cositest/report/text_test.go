package report_test

import (
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
)

// The last line is the verdict, and each word that needs it is explained.
func TestSummary(t *testing.T) {
	t.Parallel()
	r := sample("")
	got := written(t, report.Summary, r)
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if last := lines[len(lines)-1]; last != report.Verdict(r) || !strings.HasPrefix(last, "s3.example.com at unix:///run/cosi.sock: does not conform: ") {
		t.Errorf("the last line is %q", last)
	}
	all := strings.Join(strings.Fields(got), " ")
	for _, o := range []cositest.Outcome{cositest.Warned, cositest.Failed, cositest.NotReached} {
		if !strings.Contains(all, string(o)+": "+o.Meaning()+".") {
			t.Errorf("%s is not explained", o)
		}
	}
	for _, l := range lines {
		if strings.TrimRight(l, " ") != l {
			t.Errorf("white space at the end of %q", l)
		}
	}
}

// What is left over for one reason is told once.
func TestLeftOverIsTold(t *testing.T) {
	t.Parallel()
	r := &cositest.Report{}
	for _, k := range cositest.Cases()[:20] {
		r.Results = append(r.Results, cositest.Result{Case: k, Outcome: cositest.Passed, LeftOver: []cositest.LeftOver{{What: "bucket of " + k.Name, Why: "it hangs"}}})
	}
	got := written(t, report.Summary, r)
	if strings.Count(got, "it hangs") != 1 || !strings.Contains(strings.Join(strings.Fields(got), " "), "you have to remove them") {
		t.Errorf("the summary is\n%s", got)
	}
	page := written(t, report.HTML, r)
	for _, one := range r.Results { // the reader has to remove each by hand
		if what := one.LeftOver[0].What + " (" + one.Name + ")"; !strings.Contains(got, "    "+what+"\n") || !strings.Contains(page, what) {
			t.Errorf("the summary or the page lacks %q:\n%s", what, got)
		}
	}
	if got := report.Line(r.Results[0]); !strings.HasSuffix(got, "[left over: 1]") {
		t.Errorf("the line is %q", got)
	}
}

// What was not chosen is told on one line, however much it is.
func TestWhatIsLeftOutIsTold(t *testing.T) {
	t.Parallel()
	r := &cositest.Report{Results: []cositest.Result{
		{Case: cositest.Cases()[0], Outcome: cositest.Passed}, {Case: cositest.Cases()[6], Outcome: cositest.NotConfigured, Reason: "needs that"},
	}}
	got := written(t, report.Summary, r)
	if strings.Contains(got, "(left out)") || !strings.Contains(got, "\n  needs that\n    CREATE-1\n") || !strings.Contains(got, "\n  left out\n    INFO-2, ") {
		t.Errorf("the summary is\n%s", got)
	}
}

// A rule that forbids something does not read like a demand, in any form for people.
func TestForbiddenReadsAsForbidden(t *testing.T) {
	t.Parallel()
	r := &cositest.Report{}
	for _, k := range cositest.Cases() {
		if k.Name == "GEN-12" {
			r.Results = append(r.Results, cositest.Result{Case: k, Outcome: cositest.Failed, Reason: "a file lies there"})
		}
	}
	const want = "MUST NOT: Creates files or folders next to the socket."
	for _, form := range []string{report.TextFile, report.HTMLFile} {
		if got := written(t, forms[form], r); !strings.Contains(got, want) {
			t.Errorf("%s lacks %q:\n%s", form, want, got)
		}
	}
}
