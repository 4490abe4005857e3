// Package bound limits everything that a caller, an error or a store can make long or many. The limits stand here and
// nowhere else; docs/operations.md has them as a table.
package bound

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The limits.
const (
	Name    = 128      // bytes of a name or an id in a line, a status or an error
	Text    = 1 << 10  // bytes of a message or a cause
	Status  = 4 << 10  // bytes of a status with its details: percent-encoded it still fits into 8 KiB of headers, mostly
	Payload = 64 << 10 // bytes of one call's payload in the log
	Stack   = 8 << 10  // bytes of a panic's stack
	List    = 8        // entries of a list in a line or an error; how many more there are is told
	Headers = 64 << 10 // bytes of the headers of one call
	Streams = 16 << 10 // calls at once on one connection
	Watches = 1 << 10  // watchers of health at once
	Methods = 16       // names of methods that are not served, in the log and in memory
)

// Cut returns text with at most limit bytes. A longer one ends with how much is missing, and is cut between characters.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const room = len("...(9223372036854775807 bytes)")
	kept := text[:max(0, limit-room)]
	for !utf8.ValidString(kept) && len(kept) > 0 && !utf8.RuneStart(text[len(kept)]) {
		kept = kept[:len(kept)-1]
	}
	return fmt.Sprintf("%s...(%d bytes)", strings.ToValidUTF8(kept, "\uFFFD"), len(text))
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
