// Package bound limits everything that a caller, an error or a store can make long or many. The limits stand here and
// nowhere else; docs/operations.md has them as a table.
package bound

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits.
const (
	Name    = 128      // bytes of a name or an id in a line, a status or an error
	Text    = 1 << 10  // bytes of a message or a cause
	Status  = 3 << 9   // bytes of a status with its details, which fits into 8 KiB of headers however it is encoded
	Payload = 64 << 10 // bytes of one call's payload in the log
	Entries = 64       // entries of a map in a payload; the payload says how many more there are
	Stack   = 8 << 10  // bytes of a panic's stack
	List    = 8        // entries of a list in a line or an error; the text says how many more there are
	Headers = 64 << 10 // bytes of the headers of one call
	Streams = 16 << 10 // calls at once on one connection
	Watches = 1 << 10  // watchers of health at once
	Methods = 16       // names of methods that are not served, in the log and in memory
)

// Cut returns text as valid UTF-8 of at most limit bytes. A longer one is cut between characters and ends with the number
// of bytes that it had, unless the limit is too small for that.
func Cut(text string, limit int) string { return shorten(text, limit, never) }

// Printable returns text as Cut does, with every character that Control reports in its escaped form. A name or an id that
// somebody else chose goes through it on its way into a line.
func Printable(text string, limit int) string { return shorten(text, limit, Control) }

// shorten costs nothing for a short text of printable ASCII, and no more than the limit for any other.
func shorten(text string, limit int, escaped func(rune) bool) string {
	if len(text) <= limit && plain(text) {
		return text
	}
	b := NewBuilder(limit, len(text))
	for _, r := range text {
		if !b.Rune(r, escaped(r)) {
			break
		}
	}
	return b.String()
}

func never(rune) bool { return false }

// plain reports whether text is printable ASCII.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// Control reports whether a character acts on a terminal or on the order of the text around it: control characters, format
// characters such as those for bidirectional text and of no width, and the separators of lines and paragraphs.
func Control(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Builder makes a text of at most limit bytes out of pieces that stay whole. When they do not fit, it leaves out the last
// ones and ends with the size of what they were made of.
type Builder struct {
	out   []byte
	mark  string // what the end says if something is left out
	limit int
	fit   int // bytes of out after which there is room for the mark
	over  bool
}

// NewBuilder returns a Builder for a text that is made of size bytes.
func NewBuilder(limit, size int) *Builder {
	b := &Builder{limit: max(limit, 0), mark: fmt.Sprintf("...(%d bytes)", size)}
	if len(b.mark) > b.limit {
		b.mark = ""
	}
	b.out = make([]byte, 0, min(size+size/4, b.limit))
	return b
}

// Add appends a piece, and reports whether it fits.
func (b *Builder) Add(piece string) bool {
	if b.over || len(b.out)+len(piece) > b.limit {
		b.over = true
		return false
	}
	b.out = append(b.out, piece...)
	if len(b.out)+len(b.mark) <= b.limit {
		b.fit = len(b.out)
	}
	return true
}

// Rune appends a character, or its escaped form, and reports whether it fits.
func (b *Builder) Rune(r rune, escaped bool) bool {
	switch {
	case !escaped:
		var encoded [utf8.UTFMax]byte
		return b.Add(string(encoded[:utf8.EncodeRune(encoded[:], r)]))
	case r > 0xffff:
		return b.Add(fmt.Sprintf(`\U%08x`, r))
	}
	return b.Add(fmt.Sprintf(`\u%04x`, r))
}

// Full reports whether something was left out.
func (b *Builder) Full() bool { return b.over }

// End leaves out what would follow, though there may be room.
func (b *Builder) End() { b.over = true }

// String returns the text.
func (b *Builder) String() string {
	if !b.over {
		return string(b.out)
	}
	return string(b.out[:b.fit]) + b.mark
}

// Join names the first entries of a list, and how many more there are.
func Join(list []string) string {
	if len(list) <= List {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:List], ", "), len(list)-List)
}

// Count words a number of things.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
