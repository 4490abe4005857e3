// Package setting reads the texts of settings, and words what is wrong with them. A wrong text may be anything, also a secret
// that was put into the wrong variable: an error shows it only if it looks like a value of that setting.
package setting

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind describes the texts of a setting.
type Kind[T any] struct {
	Parse func(string) (T, error) // its errors end with what is wanted, and quote nothing
	Shown *regexp.Regexp          // matches the texts that an error may show; nil: none
}

// Read parses a text whose ends are trimmed already. Its error names the source.
func (k Kind[T]) Read(source, text string) (value T, err error) {
	if err = Check(text); err == nil {
		value, err = k.Parse(text)
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("%s: %w", Describe(source, text, k.Shown), err)
	}
	return value, nil
}

// Trim returns text without white space at its ends, which a file's last line leaves there.
func Trim(text string) string { return strings.TrimSpace(text) }

// Check refuses a text that cannot be seen for what it is: with control characters, others that do not print, or bytes
// that are no text.
func Check(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("the text is not valid UTF-8; want printable characters")
	}
	count := 0
	for _, r := range text {
		if count++; !unicode.IsPrint(r) {
			return fmt.Errorf("character %d is %U; want printable characters", count, r)
		}
	}
	return nil
}

// Describe names a setting, and its text if that may be shown, else how long it is.
func Describe(name, text string, shown *regexp.Regexp) string {
	if shown != nil && shown.MatchString(text) {
		return fmt.Sprintf("%s=%q", name, text)
	}
	return fmt.Sprintf("%s (%d bytes, not shown)", name, len(text))
}
