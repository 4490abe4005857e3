// Package drivername holds a driver's name against the rules of the specification.
package drivername

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// MaxLength is how many characters a name may have (requirement INFO-3).
const MaxLength = 63

var (
	valid  = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$`) // INFO-3
	labels = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$`)     // INFO-6
)

// Check refuses a name that breaks INFO-2 or INFO-3.
func Check(name string) error {
	switch {
	case name == "":
		return errors.New("INFO-2: the driver's name is empty; accepted is a name such as s3.example.com")
	case len(name) > MaxLength:
		return fmt.Errorf("INFO-3: the driver's name has %d characters, %d are accepted", len(name), MaxLength)
	case !valid.MatchString(name):
		return errors.New(`INFO-3: the driver's name may hold alphanumerics, "-" and ".", ` +
			`and begins and ends with an alphanumeric, such as s3.example.com`)
	}
	return nil
}

// Warnings says what is allowed but unwise about a name: INFO-4 and INFO-6.
func Warnings(name string) []string {
	var warnings []string
	if !strings.Contains(name, ".") {
		warnings = append(warnings, "INFO-4: the driver's name has no domain, so that of another vendor may equal it")
	}
	if !labels.MatchString(name) {
		warnings = append(warnings, "INFO-6: not every label of the driver's name is lower case and starts with a letter; "+
			"later sidecars refuse that")
	}
	return warnings
}
