package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
)

// writer writes a report in one of the forms.
type writer = func(io.Writer, *cositest.Report) error

// forms are all forms of a report.
var forms = map[string]writer{
	report.TextFile: report.Text, report.JSONFile: report.JSON, report.JUnitFile: report.JUnit, report.HTMLFile: report.HTML,
}

func written(t *testing.T, write writer, r *cositest.Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := write(&text, r); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// sample is a report of a case of each outcome. Wherever a driver, a store or whoever ran the kit may have chosen a text, the
// text has what is given.
func sample(foreign string) *cositest.Report {
	r := &cositest.Report{
		Kit: "gocosi v1.2.3", Rules: "revision", Driver: "s3.example.com" + foreign, Endpoint: "unix:///run/cosi.sock" + foreign,
		Begin: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Duration: 1500 * time.Millisecond, Hint: "hint" + foreign,
		Settings: []cositest.Setting{
			{Name: "Config.BadBucketName", Flag: "-bad-name", Value: "Bad" + foreign}, {Name: "-run", Value: "." + foreign},
		},
	}
	cases := cositest.Cases()
	for i, o := range cositest.Outcomes() {
		r.Results = append(r.Results, cositest.Result{
			Case: cases[i*5], Outcome: o, Reason: "because of " + string(o) + foreign, Duration: time.Millisecond,
			LeftOver: []cositest.LeftOver{{What: "bucket b" + foreign, Why: "it stays" + foreign}},
			Steps: []cositest.Step{
				{Call: "DriverCreateBucket", Sent: `{"name":"b"}` + foreign, Got: "OK" + foreign, Duration: time.Millisecond, Alike: 3},
				{Got: "a remark" + foreign},
				{Call: "DriverDeleteBucket", Sent: `{"bucket_id":"b"}`, Got: "INTERNAL: it stays" + foreign, Tidying: true},
			},
		})
	}
	return r
}

// fromJSON reads a report back.
func fromJSON(t *testing.T, text string) (r cositest.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

type suite struct {
	Tests      int `xml:"tests,attr"`
	Failures   int `xml:"failures,attr"`
	Errors     int `xml:"errors,attr"`
	Skipped    int `xml:"skipped,attr"`
	Properties []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	} `xml:"properties>property"`
	Cases []struct {
		Name    string `xml:"name,attr"`
		Failure *text  `xml:"failure"`
		Error   *text  `xml:"error"`
		Skipped *text  `xml:"skipped"`
		Out     string `xml:"system-out"`
	} `xml:"testcase"`
}

type text struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func fromJUnit(t *testing.T, content string) (s suite) {
	t.Helper()
	if err := xml.Unmarshal([]byte(content), &s); err != nil {
		t.Fatalf("%v in\n%s", err, content)
	}
	return s
}
