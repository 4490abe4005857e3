// Package report writes what the conformance kit found out: as text, as JSON, as JUnit XML and as an HTML page that needs
// nothing but itself.
//
// A report says first what has to change: each case that failed with its rule, what was sent and what came back, what that
// means for the user of a bucket, and how it is fixed. Nothing that a driver said acts on the reader's terminal or browser:
// texts are escaped in every form, and the kit has masked the secrets that the driver granted.
//
// The functions are safe for concurrent use, and do not change the report.
package report

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/doomshrine/gocosi/cositest"
)

// The names of the files that Save writes.
const (
	TextFile  = "report.txt"
	JSONFile  = "report.json"
	JUnitFile = "report.xml"
	HTMLFile  = "report.html"
)

// Save writes the report in every form into a folder, which it makes if it is not there. Files of an earlier run are
// replaced.
func Save(folder string, r *cositest.Report) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var errs []error
	for name, write := range map[string]func(io.Writer, *cositest.Report) error{
		TextFile: Text, JSONFile: JSON, JUnitFile: JUnit, HTMLFile: HTML,
	} {
		errs = append(errs, save(filepath.Join(folder, name), r, write))
	}
	return errors.Join(errs...)
}

func save(name string, r *cositest.Report, write func(io.Writer, *cositest.Report) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file, r), file.Close())
}
