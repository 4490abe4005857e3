package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

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
func (v *invocation) reportFiles() (files reportFiles, err error) {
	if err := v.checkOutputs(); err != nil {
		return nil, usageError{err}
	}
	for _, one := range v.checks.outputs() {
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

// output is a flag that names a file for the report.
type output struct {
	flag  string
	to    file
	write func(io.Writer, *cositest.Report) error
}

func (c *checkFlags) outputs() []output {
	return []output{{"html", c.html, report.HTML}, {"json", c.json, report.JSON}, {"junit", c.junit, report.JUnit}}
}

// checkOutputs refuses reports that would replace each other, or what is read.
func (v *invocation) checkOutputs() error {
	c := &v.checks
	type named struct {
		flag string
		file file
	}
	taken := []named{
		{"config", c.config},
		{"parameters", v.parameters.set.file},
		{"access-parameters", c.access.file},
		{"incompatible-parameters", c.incompatible.file},
		{"incompatible-access-parameters", c.incompatibleAccess.file},
		{"unprovisionable-parameters", c.unprovisionable.file},
		{"log", c.log},
		{"ca", v.tls.ca},
		{"cert", v.tls.cert},
		{"key", v.tls.key},
	}
	for _, out := range c.outputs() {
		if !out.to.given {
			continue
		}
		if strings.HasPrefix(out.to.name, "-") {
			return fmt.Errorf("-%s %s: want the name of a file; one that begins with a dash is written ./%s", out.flag, out.to.name, out.to.name)
		}
		for _, other := range taken {
			if other.file.given && same(other.file.name, out.to.name) {
				return fmt.Errorf("-%s and -%s name one file, %s; want two", other.flag, out.flag, out.to.name)
			}
		}
		taken = append(taken, named{out.flag, out.to})
	}
	return nil
}

// same says whether two names are those of one file, which need not be there. Devices, such as /dev/null, take anything.
func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB) && infoA.Mode().IsRegular()
	}
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errors.Join(errA, errB) == nil && absA == absB
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
