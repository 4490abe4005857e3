// Package drivername checks a driver's name against the specification.
package drivername

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/doomshrine/gocosi/internal/setting"
)

// MaxLength limits the characters of a name (requirement INFO-3).
const MaxLength = 63

var (
	valid  = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$`) // INFO-3
	labels = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$`)     // INFO-6
)

// shown matches what looks like a domain: any other text may be a token.
var shown = regexp.MustCompile(`^[a-z0-9_-]{1,20}(\.[a-z0-9_-]{0,20}){1,5}$`)

// Kind reads the setting.
func Kind() setting.Kind[string] {
	return setting.Kind[string]{Shown: shown, Parse: func(name string) (string, error) { return name, Check(name) }}
}

// Check refuses a name that breaks INFO-2 or INFO-3.
func Check(name string) error {
	if err := cmp.Or(checkPresence(name), checkLength(name)); err != nil {
		return err // the form of a very long name takes seconds to check
	}
	return checkForm(name)
}

func checkPresence(name string) error {
	if name == "" {
		return errors.New("INFO-2: the driver's name is empty; want a name such as s3.example.com")
	}
	return nil
}

func checkLength(name string) error {
	if len(name) > MaxLength {
		return fmt.Errorf("INFO-3: the driver's name has %d characters; want at most %d", len(name), MaxLength)
	}
	return nil
}

func checkForm(name string) error {
	if !valid.MatchString(name) {
		return errors.New(`INFO-3: the driver's name is malformed; want alphanumerics, "-" and ".", ` +
			`with an alphanumeric at both ends, such as s3.example.com`)
	}
	return nil
}

// Warnings lists what a name may do, but should not (requirements INFO-4 and INFO-6).
func Warnings(name string) []string {
	var warnings []string
	if !strings.Contains(name, ".") {
		warnings = append(warnings, "INFO-4: the driver's name has no domain, so another vendor may choose the same name")
	}
	if !labels.MatchString(name) {
		warnings = append(warnings, "INFO-6: a label of the driver's name has upper case or does not start with a letter; "+
			"later sidecars refuse such names")
	}
	return warnings
}
