package cositest_test

import (
	"encoding/json"
	"fmt"
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
		{"nothing", results(), false, false, "cannot be told: 0 of N cases checked, N left out"},
		{"all passed", whole(nil), true, true, "conforms: N of N cases checked"},
		{"advice", whole(outcomes{"GEN-10": warned}), true, true, "conforms: N of N cases checked, 1 warned"},
		{"a failure", whole(outcomes{"GEN-10": failed}), false, false, "does not conform: 1 failed (GEN-10), N of N cases checked"},
		{"a failure, and more", results(passed, failed, skipped, missed), false, false, "does not conform: 1 failed (INFO-2), 2 of N cases checked, 1 not reached, 1 skipped, 78 left out"},
		{"not reached", whole(outcomes{"GEN-10": missed}), false, false, "cannot be told: M of N cases checked, 1 not reached"},
		{"a MUST that does not apply", whole(outcomes{"CREATE-7": elsewhere}), true, true, "conforms: M of N cases checked, 1 does not apply"},
		{
			"a MUST that is not configured", whole(outcomes{"CREATE-7": needs}), true, false,
			"no fault found in what was checked: M of N cases checked, 1 not configured; not checked: CREATE-7",
		},
		{
			"a MUST that is skipped", whole(outcomes{"CREATE-7": skipped}), true, false,
			"no fault found in what was checked: M of N cases checked, 1 skipped; not checked: CREATE-7",
		},
		{"advice that is not configured", whole(outcomes{"DELETE-6": needs}), true, true, "conforms: M of N cases checked, 1 not configured"},
		{"REAL that is not configured", whole(outcomes{"OUTAGE-4": needs}), true, true, "conforms: M of N cases checked, 1 not configured"},
		{"all skipped", results(skipped, skipped), true, false, "cannot be told: 0 of N cases checked, 2 skipped, 80 left out"},
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
			"no fault found in what was checked: M of N cases checked, 1 does not apply; not checked: DriverRevokeBucketAccess (not implemented)",
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
			want := strings.NewReplacer("N of", strconv.Itoa(all)+" of", "M of", strconv.Itoa(all-1)+" of", " N cases", " "+strconv.Itoa(all)+" cases", "N left", strconv.Itoa(all)+" left", "78 left", strconv.Itoa(all-4)+" left", "80 left", strconv.Itoa(all-2)+" left").Replace(tc.verdict)
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

// What was not checked is listed with what that needs.
func TestUnchecked(t *testing.T) {
	t.Parallel()
	r := whole(map[string]cositest.Outcome{"CREATE-7": cositest.NotConfigured, "CREATE-4": cositest.Skipped, "REVOKE-3": cositest.NotApplicable})
	r.Unimplemented = []string{"DriverRevokeBucketAccess"}
	want := []string{"DriverRevokeBucketAccess (not implemented)", "CREATE-4 (skipped: reason)", "CREATE-7 (reason)"}
	if got := r.Unchecked(); !slices.Equal(got, want) {
		t.Errorf("unchecked are %q, want %q", got, want)
	}
	r.Strict = true
	if r.OK() {
		t.Error("a strict report with gaps is OK")
	}
	if r = whole(nil); !r.OK() {
		t.Error("a report without gaps is not OK")
	}
	if r.Strict = true; !r.OK() {
		t.Error("a strict report without gaps is not OK")
	}
}

// A verdict names what was left out, if that is not much.
func TestVerdictOfAPart(t *testing.T) {
	t.Parallel()
	all := len(cositest.Cases())
	some := results(cositest.Passed, cositest.Passed)
	if got, want := some.Verdict(), fmt.Sprintf("no fault found in what was checked: 2 of %d cases checked, %d left out", all, all-2); got != want {
		t.Errorf("verdict %q, want %q", got, want)
	}
	if missing := some.Unchecked(); !slices.Contains(missing, "CREATE-1 (left out)") || slices.Contains(missing, "INFO-1 (left out)") {
		t.Errorf("unchecked are %v", missing)
	}
	most := whole(nil)
	i := slices.IndexFunc(most.Results, func(r cositest.Result) bool { return r.Name == "CREATE-1" })
	most.Results = slices.Delete(most.Results, i, i+1)
	if got, want := most.Verdict(), fmt.Sprintf("no fault found in what was checked: %d of %d cases checked, 1 left out; not checked: CREATE-1", all-1, all); got != want {
		t.Errorf("verdict %q, want %q", got, want)
	}
}

// Machines read the report: its shape is a promise.
func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(cositest.Cases(), func(c cositest.Case) bool { return c.Name == "GRANT-9 region" })
	report := cositest.Report{
		Kit: "gocosi v1", Rules: "revision", Driver: "s3.example.com", Endpoint: "unix:///run/cosi.sock",
		Begin: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Duration: 1500 * time.Millisecond,
		Settings: []cositest.Setting{{Name: "Config.Access", Flag: "-access-command", Value: "given"}},
	}
	report.Results = []cositest.Result{{
		Case: cositest.Cases()[i], Outcome: cositest.Warned, Reason: "region is empty", LeftOver: []cositest.LeftOver{{What: "bucket b", Why: "refused"}}, Duration: 1500 * time.Microsecond,
		Steps: []cositest.Step{
			{Call: "DriverCreateBucket", Sent: "{}", Got: "OK", Duration: time.Microsecond}, {Got: "a remark", Tidying: true, Alike: 2},
		},
	}, {Case: cositest.Case{Name: "n", ID: "i", Level: "l", Text: "t"}, Outcome: cositest.NotReached}}
	got, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	texts := cositest.Cases()[i]
	want := `{
  "kit": "gocosi v1",
  "rules": "revision",
  "driver": "s3.example.com",
  "endpoint": "unix:///run/cosi.sock",
  "begin": "2026-03-04T05:06:07Z",
  "duration_ns": 1500000000,
  "settings": [
    {
      "name": "Config.Access",
      "flag": "-access-command",
      "value": "given"
    }
  ],
  "results": [
    {
      "name": "GRANT-9 region",
      "id": "GRANT-9",
      "level": "SHOULD",
      "rpc": "DriverGrantBucketAccess",
      "text": "For ` + "`s3` with Key, returns `region`" + `.",
      "fault": ` + strconv.Quote(texts.Fault) + `,
      "effect": ` + strconv.Quote(texts.Effect) + `,
      "remedy": ` + strconv.Quote(texts.Remedy) + `,
      "outcome": "warned",
      "reason": "region is empty",
      "left_over": [
        {
          "what": "bucket b",
          "why": "refused"
        }
      ],
      "steps": [
        {
          "call": "DriverCreateBucket",
          "sent": "{}",
          "got": "OK",
          "duration_ns": 1000
        },
        {
          "got": "a remark",
          "duration_ns": 0,
          "tidying": true,
          "alike": 2
        }
      ],
      "duration_ns": 1500000
    },
    {
      "name": "n",
      "id": "i",
      "level": "l",
      "rpc": "",
      "text": "t",
      "fault": "",
      "effect": "",
      "remedy": "",
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
