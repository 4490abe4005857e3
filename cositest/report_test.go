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

// whole is a report in which every case ended so, but for some.
func whole(but map[string]cositest.Outcome) *cositest.Report {
	report := &cositest.Report{}
	for _, k := range cositest.Cases() {
		outcome := cositest.Passed
		if o, ok := but[k.Name]; ok {
			outcome = o
		}
		report.Results = append(report.Results, cositest.Result{Case: k, Outcome: outcome, Reason: "reason"})
	}
	return report
}

func TestReport(t *testing.T) {
	t.Parallel()
	const (
		passed, warned, failed = cositest.Passed, cositest.Warned, cositest.Failed
		skipped, missed        = cositest.Skipped, cositest.NotReached
		elsewhere, needs       = cositest.NotApplicable, cositest.NotConfigured
	)
	type outcomes = map[string]cositest.Outcome
	for _, tc := range []struct {
		name     string
		report   *cositest.Report
		ok       bool
		conforms bool
		verdict  string // N: of all cases, M: one less
	}{
		{"nothing", results(), false, false, "cannot be told: 0 of N cases checked"},
		{"all passed", whole(nil), true, true, "conforms: N of N cases checked"},
		{"advice", whole(outcomes{"GEN-10": warned}), true, true, "conforms: N of N cases checked"},
		{"a failure", whole(outcomes{"GEN-10": failed}), false, false, "does not conform: 1 failed, N of N cases checked"},
		{"a failure, and more", results(passed, failed, skipped, missed), false, false, "does not conform: 1 failed, 2 of N cases checked"},
		{"not reached", whole(outcomes{"GEN-10": missed}), false, false, "cannot be told: 1 not reached, M of N cases checked"},
		{"a MUST that does not apply", whole(outcomes{"CREATE-7": elsewhere}), true, true, "conforms: M of N cases checked, 1 do not apply"},
		{
			"a MUST that is not configured", whole(outcomes{"CREATE-7": needs}), true, false,
			"no fault found in what was checked: M of N cases checked; not checked: CREATE-7 (reason)",
		},
		{
			"a MUST that is skipped", whole(outcomes{"CREATE-7": skipped}), true, false,
			"no fault found in what was checked: M of N cases checked; not checked: CREATE-7 (skipped: reason)",
		},
		{"advice that is not configured", whole(outcomes{"DELETE-6": needs}), true, true, "conforms: M of N cases checked"},
		{"REAL that is not configured", whole(outcomes{"OUTAGE-4": needs}), true, true, "conforms: M of N cases checked"},
		{"all skipped", results(skipped, skipped), true, false, "cannot be told: 0 of N cases checked"},
		{
			"another generation", &cositest.Report{Generation: "v1alpha2"}, false, false,
			"the driver speaks COSI v1alpha2, and this kit checks v1alpha1: nothing was checked",
		},
		{
			"an RPC that is not implemented", func() *cositest.Report {
				r := whole(outcomes{"REVOKE-3": elsewhere})
				r.Unimplemented = []string{"DriverRevokeBucketAccess"}
				return r
			}(), true, false,
			"no fault found in what was checked: M of N cases checked, 1 do not apply; not checked: DriverRevokeBucketAccess (not implemented)",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if ok := tc.report.OK(); ok != tc.ok {
				t.Errorf("OK is %t", ok)
			}
			if conforms := tc.report.Conforms(); conforms != tc.conforms {
				t.Errorf("Conforms is %t", conforms)
			}
			all := len(cositest.Cases())
			want := strings.NewReplacer("N of", strconv.Itoa(all)+" of", "M of", strconv.Itoa(all-1)+" of", " N cases", " "+strconv.Itoa(all)+" cases").Replace(tc.verdict)
			if verdict := tc.report.Verdict(); verdict != want {
				t.Errorf("verdict %q, want %q", verdict, want)
			}
			total := 0
			for _, o := range cositest.Outcomes() {
				total += tc.report.Count(o)
			}
			if total != len(tc.report.Results) {
				t.Errorf("%d counted of %d", total, len(tc.report.Results))
			}
		})
	}
}

// A verdict names what was left out, too.
func TestVerdictOfAPart(t *testing.T) {
	t.Parallel()
	verdict := results(cositest.Passed, cositest.Passed).Verdict()
	for _, want := range []string{"no fault found in what was checked: 2 of ", "CREATE-1 (left out)", "more"} {
		if !strings.Contains(verdict, want) {
			t.Errorf("verdict %q lacks %q", verdict, want)
		}
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
