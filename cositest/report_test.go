package cositest_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/cositest"
)

// results is a report with cases that ended so.
func results(outcomes ...cositest.Outcome) *cositest.Report {
	report := &cositest.Report{}
	for i, o := range outcomes {
		report.Results = append(report.Results, cositest.Result{Case: cositest.Cases()[i], Outcome: o})
	}
	return report
}

func TestReport(t *testing.T) {
	t.Parallel()
	const (
		passed, warned, failed = cositest.Passed, cositest.Warned, cositest.Failed
		skipped, missed        = cositest.Skipped, cositest.NotReached
	)
	all, passes := len(cositest.Cases()), []cositest.Outcome{passed}
	for _, tc := range []struct {
		name    string
		report  *cositest.Report
		ok      bool
		verdict string
	}{
		{"nothing", results(), false, "cannot be told: 0 of N cases checked"},
		{"all passed", results(slices.Repeat(passes, all)...), true, "conforms: N of N cases checked"},
		{"advice", results(append(slices.Repeat(passes, all-1), warned)...), true, "conforms: N of N cases checked"},
		{"passed, but not all", results(passed, passed), true, "no fault found in what was checked: 2 of N cases checked"},
		{"a failure", results(passed, failed, skipped, missed), false, "does not conform: 1 failed, 2 of N cases checked"},
		{"all but one failed", results(append(slices.Repeat(passes, all-1), failed)...), false, "does not conform: 1 failed, N of N cases checked"},
		{"some skipped", results(passed, skipped), true, "no fault found in what was checked: 1 of N cases checked"},
		{"all skipped", results(skipped, skipped), true, "cannot be told: 0 of N cases checked"},
		{"some not reached", results(passed, missed), false, "cannot be told: 1 not reached, 1 of N cases checked"},
		{"some not reached, some skipped", results(skipped, missed), false, "cannot be told: 1 not reached, 0 of N cases checked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if ok := tc.report.OK(); ok != tc.ok {
				t.Errorf("OK is %t", ok)
			}
			want := strings.ReplaceAll(tc.verdict, "N", strconv.Itoa(all))
			if verdict := tc.report.Verdict(); verdict != want {
				t.Errorf("verdict %q, want %q", verdict, want)
			}
			total := 0
			for _, o := range []cositest.Outcome{passed, warned, failed, skipped, missed} {
				total += tc.report.Count(o)
			}
			if total != len(tc.report.Results) {
				t.Errorf("%d counted of %d", total, len(tc.report.Results))
			}
		})
	}
}

// Machines read the report: its shape is a promise.
func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(cositest.Cases(), func(c cositest.Case) bool { return c.Name == "GRANT-9 region" })
	report := cositest.Report{Results: []cositest.Result{{
		Case: cositest.Cases()[i], Outcome: cositest.Warned, Reason: "region is empty", LeftOver: "bucket b: refused", Duration: 1500 * time.Microsecond,
	}, {Case: cositest.Case{Name: "n", ID: "i", Level: "l", Text: "t"}, Outcome: cositest.NotReached}}}
	got, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "results": [
    {
      "name": "GRANT-9 region",
      "id": "GRANT-9",
      "level": "REAL",
      "rpc": "DriverGrantBucketAccess",
      "text": "For ` + "`s3` with Key, gives `accessKeyID`, `accessSecretKey` and `endpoint`; it should give `region`" + `. Other keys are dropped silently.",
      "outcome": "warned",
      "reason": "region is empty",
      "left_over": "bucket b: refused",
      "duration_ns": 1500000
    },
    {
      "name": "n",
      "id": "i",
      "level": "l",
      "rpc": "",
      "text": "t",
      "outcome": "not reached",
      "duration_ns": 0
    }
  ]
}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var back cositest.Report
	if err := json.Unmarshal(got, &back); err != nil || back.Results[0].Duration != report.Results[0].Duration || back.Verdict() != report.Verdict() {
		t.Errorf("read back: %+v, %v", back, err)
	}
}
