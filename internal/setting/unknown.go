package setting

import (
	"slices"
	"strings"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/nearest"
)

// near is the highest number of edits between two names of which one may be meant for the other.
const near = 3

// Unknown is a variable that is set, and that nothing reads.
type Unknown struct {
	Name    string
	Nearest string // the known name that may be meant; "": none is near
}

// Fields returns what a line about the variable says.
func (u Unknown) Fields() []any {
	fields := []any{"variable", u.Name}
	if u.Nearest != "" {
		fields = append(fields, "nearest", u.Nearest)
	}
	return fields
}

// FindUnknown lists the variables of an environment that start with own but are not known, in whatever case they are written.
// A variable with the foreign prefix, which belongs to others too, is listed only if a known name is near. One that is set to
// nothing counts as unset.
func FindUnknown(environ, known []string, own, foreign string) (found []Unknown) {
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		upper := strings.ToUpper(name)
		if Trim(value) == "" || slices.Contains(known, name) {
			continue
		}
		ours := strings.HasPrefix(upper, own)
		if !ours && !strings.HasPrefix(upper, foreign) {
			continue
		}
		if meant := nearest.To(upper, known, near); ours || meant != "" {
			found = append(found, Unknown{bound.Cut(name, bound.Name), meant})
		}
	}
	return found[:min(len(found), bound.List)]
}
