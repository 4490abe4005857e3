// Package report writes what the conformance kit found out: as text, as JSON, as JUnit XML and as an HTML page that needs
// no other file.
//
// A report says first what to change: each failed case with its rule, the request and the response, what that means for the
// user of a bucket, and how to fix it. What a driver said cannot act on the reader's terminal or browser: every form escapes
// it, and the kit has masked the secrets that the driver granted.
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

// The names of the files that [Save] writes.
const (
	TextFile  = "report.txt"
	JSONFile  = "report.json"
	JUnitFile = "report.xml"
	HTMLFile  = "report.html"
)

// Save writes the report in every form into a folder, which it creates if it does not exist. It replaces the files of an
// earlier run.
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
