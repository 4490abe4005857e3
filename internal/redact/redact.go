// Package redact keeps secrets out of what a driver prints: it masks them in texts, and renders messages so that a field's
// content appears only when the field is known to hold nothing secret. What it returns is bounded and printable, whatever
// it was given.
package redact

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doomshrine/gocosi/internal/bound"
)

// Mask replaces what must not be shown.
const Mask = "[redacted]"

// look is how many bytes of a text are looked at. It is more than may be returned, since a mask is short and what it
// replaces may be long.
const look = 4 * bound.Text

// Text returns text as a line or an answer may show it: at most bound.Text bytes of valid UTF-8, in which control characters
// other than tabs and newlines are escaped. It masks every secret of six bytes or more, passwords in URLs, private keys, and
// values that are named as secrets. What it costs depends on the first few KiB of the text and on the secrets alone.
func Text(text string, secrets []string) string {
	if slices.Contains(secrets, everything) {
		return Mask
	}
	seen := window(text)
	var space [look]bool
	c := cover(space[:len(seen)])
	c.known(text, secrets)
	c.urls(text)
	c.named(seen)
	c.privateKeys(seen)
	c.objects(seen)
	return c.render(seen, len(text))
}

// window returns the part of a text that is looked at, which ends between characters.
func window(text string) string {
	if len(text) <= look {
		return text
	}
	end := look
	for end > look-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// cover tells of each byte of a text whether it is hidden.
type cover []bool

// hide hides the bytes from one place to before another, which may lie outside of the text.
func (c cover) hide(from, to int) {
	for i := from; i < min(to, len(c)); i++ {
		c[i] = true
	}
}

// render returns what is not hidden, with one mask for each stretch that is. The text of size bytes begins with seen.
func (c cover) render(seen string, size int) string {
	if size <= bound.Text && !slices.Contains(c, true) && clean(seen) {
		return seen
	}
	b := bound.NewBuilder(bound.Text, size)
	masked := false
	for i := 0; i < len(seen) && !b.Full(); {
		r, width := utf8.DecodeRuneInString(seen[i:])
		hidden := slices.Contains(c[i:i+width], true)
		switch {
		case !hidden:
			b.Rune(r, escaped(r))
		case !masked:
			b.Add(Mask)
		}
		masked = hidden
		i += width
	}
	if len(seen) < size {
		b.End()
	}
	return b.String()
}

// clean reports whether a text can be shown as it is.
func clean(text string) bool { return utf8.ValidString(text) && !strings.ContainsFunc(text, escaped) }

// escaped reports whether a character is shown in its escaped form. Tabs and newlines are no harm: loggers quote them.
func escaped(r rune) bool { return r != '\n' && r != '\t' && bound.Control(r) }
