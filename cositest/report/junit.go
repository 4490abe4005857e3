package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/doomshrine/gocosi/cositest"
)

// The elements of JUnit's XML that continuous integration reads.
type (
	junitSuite struct {
		XMLName    xml.Name        `xml:"testsuite"`
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"` // seconds
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class     string        `xml:"classname,attr"`
		Name      string        `xml:"name,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitMessage `xml:"failure"`
		Error     *junitMessage `xml:"error"`
		Skipped   *junitMessage `xml:"skipped"`
		SystemOut string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

const suiteName = "cosi.v1alpha1"

// JUnit writes the report as JUnit XML. A case that was not reached is an error there, because it fails the check and a skipped
// case would not. Anything else that fails a report is an error of its own case: "strict", "generation", or "connect" when
// nothing was checked.
func JUnit(w io.Writer, r *cositest.Report) error {
	content, err := xml.MarshalIndent(suiteOf(clean(r)), "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(content)+"\n")
	return err
}

func suiteOf(r *cositest.Report) junitSuite {
	suite := junitSuite{
		Name: suiteName, Tests: len(r.Results), Failures: r.Count(cositest.Failed), Errors: r.Count(cositest.NotReached),
		Skipped: r.Count(cositest.Skipped) + r.Count(cositest.NotApplicable) + r.Count(cositest.NotConfigured), Properties: properties(r),
	}
	if !r.Begin.IsZero() {
		suite.Timestamp = r.Begin.Format("2006-01-02T15:04:05Z07:00")
	}
	var total time.Duration
	for _, one := range r.Results {
		total += one.Duration
		suite.Cases = append(suite.Cases, junitOf(one))
	}
	suite.Time = seconds(total)
	missing := r.Unchecked()
	switch {
	case r.Problem != "":
		suite.fail("connect", r.Problem)
	case r.Generation != "":
		suite.fail("generation", r.Verdict())
	case r.Strict && len(missing) > 0: // the cases alone would look as if the check had succeeded
		suite.fail("strict", "of what the specification demands, this was not checked: "+strings.Join(lines(missing), ", "))
	}
	return suite
}

// properties say what was run.
func properties(r *cositest.Report) []junitProperty {
	all := []junitProperty{{"cosi.verdict", line(r.Verdict())}}
	for _, row := range about(r) {
		all = append(all, junitProperty{"cosi." + row[0], row[1]})
	}
	for _, s := range r.Settings {
		all = append(all, junitProperty{label(s), s.Value})
	}
	for _, missing := range lines(r.Unchecked()) {
		all = append(all, junitProperty{"cosi.unchecked", missing})
	}
	return all
}

func junitOf(one cositest.Result) junitCase {
	k := junitCase{Class: suiteName + "." + strings.ReplaceAll(rpcOf(one.Case), " ", "_"), Name: one.Name, Time: seconds(one.Duration)}
	text := &strings.Builder{}
	fmt.Fprintf(text, "%s %s: %s\n", one.Level, one.ID, one.Text)
	story(text, one)
	message := &junitMessage{one.Reason, text.String()}
	meaning := &junitMessage{one.Reason, fmt.Sprintf("%s: %s", one.Outcome, one.Outcome.Meaning())}
	switch one.Outcome {
	case cositest.Failed:
		k.Failure = message
	case cositest.NotReached:
		k.Error = meaning
	case cositest.Skipped, cositest.NotApplicable, cositest.NotConfigured:
		k.Skipped = meaning
	case cositest.Warned:
		k.SystemOut = fmt.Sprintf("advice: %s\n%s", one.Reason, text)
	case cositest.Passed:
	}
	for _, l := range one.LeftOver {
		k.SystemOut += "left over in the store: " + l.String() + "\n"
	}
	return k
}

// fail adds a case that no rule is about.
func (s *junitSuite) fail(name, why string) {
	s.Tests, s.Errors = s.Tests+1, s.Errors+1
	s.Cases = append(s.Cases, junitCase{Class: suiteName, Name: name, Time: seconds(0), Error: &junitMessage{Message: why}})
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
