package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
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

// junit is the report as JUnit has it. What was not reached is an error there: it makes the check fail, and as a skipped
// case it would not.
func (r *report) junit() junitSuite {
	suite := junitSuite{
		Name: suiteName, Tests: len(r.Results), Failures: r.Counts[cositest.Failed], Errors: r.Counts[cositest.NotReached],
		Skipped:    r.Counts[cositest.Skipped] + r.Counts[cositest.NotApplicable] + r.Counts[cositest.NotConfigured],
		Properties: []junitProperty{{"cosi.endpoint", r.Endpoint}, {"cosi.driver", r.Driver}, {"cosi.verdict", r.Verdict}},
	}
	var total time.Duration
	for _, one := range r.Results {
		total += one.Duration
		suite.Cases = append(suite.Cases, junitOf(one))
	}
	suite.Time = seconds(total)
	if r.Generation != "" {
		suite.Tests, suite.Errors = suite.Tests+1, suite.Errors+1
		suite.Cases = append(suite.Cases, errorOf("generation", errors.New(r.Verdict)))
	}
	if r.lacks() { // the cases alone would look as if the check had succeeded
		suite.Tests, suite.Errors = suite.Tests+1, suite.Errors+1
		suite.Cases = append(suite.Cases, errorOf("strict", r.lacking()))
	}
	return suite
}

func junitOf(one cositest.Result) junitCase {
	k := junitCase{Class: suiteName + "." + strings.ReplaceAll(rpc(one.Case), " ", "_"), Name: one.Name, Time: seconds(one.Duration)}
	message := &junitMessage{one.Reason, fmt.Sprintf("%s %s: %s", one.Level, one.ID, one.Text)}
	switch one.Outcome {
	case cositest.Failed:
		k.Failure = message
	case cositest.NotReached:
		k.Error = message
	case cositest.Skipped, cositest.NotApplicable, cositest.NotConfigured:
		k.Skipped = message
	case cositest.Warned:
		k.SystemOut = fmt.Sprintf("advice: %s\n%s\n", one.Reason, message.Text)
	case cositest.Passed:
	}
	if one.LeftOver != "" {
		k.SystemOut += "left over: " + one.LeftOver + "\n"
	}
	return k
}

// unconnected says that no case was run: a file of an earlier run would be taken for this one's.
func unconnected(endpoint string, err error) junitSuite {
	return junitSuite{
		Name: suiteName, Tests: 1, Errors: 1, Time: seconds(0), Properties: []junitProperty{{"cosi.endpoint", endpoint}},
		Cases: []junitCase{errorOf("connect", err)},
	}
}

// errorOf is a case that no rule is about.
func errorOf(name string, err error) junitCase {
	return junitCase{Class: suiteName, Name: name, Time: seconds(0), Error: &junitMessage{Message: err.Error()}}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// junitFile is where the report goes; nil: nowhere. It is made before the check, which may take a while, and write closes it.
type junitFile struct{ file *os.File }

func createJUnit(f file) (*junitFile, error) {
	if !f.given {
		return nil, nil //nolint:nilnil // nowhere
	}
	created, err := os.Create(f.name)
	return &junitFile{created}, err
}

func (j *junitFile) write(suite junitSuite) error {
	if j == nil {
		return nil
	}
	content, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	_, err = j.file.WriteString(xml.Header + string(content) + "\n")
	if err := errors.Join(err, j.file.Close()); err != nil {
		return fmt.Errorf("-junit: %w", err)
	}
	return nil
}
