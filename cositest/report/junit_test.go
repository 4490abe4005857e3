package report_test

import (
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
)

func TestJUnit(t *testing.T) {
	t.Parallel()
	s := fromJUnit(t, written(t, report.JUnit, sample("")))
	if s.Tests != 7 || s.Failures != 1 || s.Errors != 1 || s.Skipped != 3 {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped", s.Tests, s.Failures, s.Errors, s.Skipped)
	}
	for i, o := range cositest.Outcomes() {
		k := s.Cases[i]
		if (k.Failure != nil) != (o == cositest.Failed) || (k.Error != nil) != (o == cositest.NotReached) {
			t.Errorf("%s: failure %v, error %v", o, k.Failure, k.Error)
		}
		if !strings.Contains(k.Out, "left over in the store: bucket b: it stays\n") {
			t.Errorf("%s: what is left over is not told: %q", o, k.Out)
		}
		switch {
		case k.Failure != nil:
			for _, want := range []string{"found  because of failed", "means  ", "fix    ", "calls  DriverCreateBucket", "-> OK (and 3 more of the kind)"} {
				if !strings.Contains(k.Failure.Text, want) {
					t.Errorf("the failure lacks %q:\n%s", want, k.Failure.Text)
				}
			}
		case k.Skipped != nil:
			if k.Skipped.Message != "because of "+string(o) || !strings.Contains(k.Skipped.Text, o.Meaning()) {
				t.Errorf("%s: %+v", o, k.Skipped)
			}
		case o == cositest.Warned:
			if !strings.HasPrefix(k.Out, "advice: because of warned\n") {
				t.Errorf("warned: %q", k.Out)
			}
		}
	}
}

// A report that is strict fails by a case of its own when no other case does.
func TestStrictJUnit(t *testing.T) {
	t.Parallel()
	r := &cositest.Report{Results: []cositest.Result{{Case: cositest.Cases()[0], Outcome: cositest.Passed}}}
	if s := fromJUnit(t, written(t, report.JUnit, r)); s.Errors != 0 {
		t.Errorf("errors without Strict: %+v", s)
	}
	r.Strict = true
	s := fromJUnit(t, written(t, report.JUnit, r))
	if s.Errors != 1 || s.Tests != 2 || s.Cases[1].Name != "strict" || !strings.Contains(s.Cases[1].Error.Message, "CREATE-1 (left out)") {
		t.Errorf("JUnit has %+v", s)
	}
}
