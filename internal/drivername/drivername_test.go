package drivername_test

import (
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/drivername"
)

// long returns a name of n characters.
func long(n int) string { return strings.Repeat("x", n-len(".com")) + ".com" }

func TestCheck(t *testing.T) {
	t.Parallel()
	const malformed = `INFO-3: the driver's name is malformed; want alphanumerics, "-" and ".", ` +
		`with an alphanumeric at both ends, such as s3.example.com`
	for name, want := range map[string]string{ // "": it is valid
		"s3.example.com":    "",
		"x":                 "",
		"7":                 "",
		"3PAR.Example.Z":    "",
		"a-b..c--d.9":       "",
		long(63):            "",
		"":                  "INFO-2: the driver's name is empty; want a name such as s3.example.com",
		long(64):            "INFO-3: the driver's name has 64 characters; want at most 63",
		"_" + long(63):      "INFO-3: the driver's name has 64 characters; want at most 63",
		"-":                 malformed,
		"-s3.example.com":   malformed,
		"s3.example.com-":   malformed,
		".example.com":      malformed,
		"s3.example.":       malformed,
		"s3_example.com":    malformed,
		"s3 example.com":    malformed,
		"s3.example.com\n":  malformed,
		"größe.example.com": malformed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := drivername.Check(name); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("Check = %q, want %q", got, want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	const (
		noDomain = "INFO-4: the driver's name has no domain, so another vendor may choose the same name"
		label    = "INFO-6: a label of the driver's name has upper case or does not start with a letter; later sidecars refuse such names"
	)
	for name, want := range map[string]string{ // line by line
		"s3.example.com":   "",
		"a.b":              "",
		"s-3.ex4mple.com9": "",
		"s3":               noDomain,
		"S3":               noDomain + "\n" + label,
		"s3.Example.com":   label,
		"s3.exAmple.com":   label,
		"3par.example.com": label,
		"s3.3par.com":      label,
		"s3.-example.com":  label,
		"s3..com":          label,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(drivername.Warnings(name), "\n"); got != want {
				t.Errorf("Warnings = %q, want %q", got, want)
			}
		})
	}
}
