package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
)

// reportFile is a file that the report goes to as well. It is made before the check, which may take a while, and also when
// there is no connection: a file of an earlier run would be taken for this one's.
type reportFile struct {
	flag  string
	file  *os.File
	write func(io.Writer, *cositest.Report) error
}

// reportFiles makes the files that flags name.
func (c *checkFlags) reportFiles() (files reportFiles, err error) {
	for _, one := range []struct {
		flag  string
		to    file
		write func(io.Writer, *cositest.Report) error
	}{{"html", c.html, report.HTML}, {"json", c.json, report.JSON}, {"junit", c.junit, report.JUnit}} {
		if !one.to.given {
			continue
		}
		made, err := os.Create(one.to.name)
		if err != nil {
			return nil, usageError{errors.Join(fmt.Errorf("-%s: %w", one.flag, err), files.close())}
		}
		files = append(files, reportFile{one.flag, made, one.write})
	}
	return files, nil
}

type reportFiles []reportFile

// write writes the report, and closes the files.
func (files reportFiles) write(r *cositest.Report) error {
	var errs []error
	for _, one := range files {
		if err := errors.Join(one.write(one.file, r), one.file.Close()); err != nil {
			errs = append(errs, fmt.Errorf("-%s: %w", one.flag, err))
		}
	}
	return errors.Join(errs...)
}

func (files reportFiles) close() error {
	var errs []error
	for _, one := range files {
		errs = append(errs, one.file.Close())
	}
	return errors.Join(errs...)
}
