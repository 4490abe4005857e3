package setting

import (
	"slices"
	"strings"

	"github.com/doomshrine/gocosi/internal/bound"
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
		if nearest := nearestTo(upper, known); ours || nearest != "" {
			found = append(found, Unknown{bound.Cut(name, bound.Name), nearest})
		}
	}
	return found[:min(len(found), bound.List)]
}

// nearestTo returns the known name with the fewest edits, or "" if none is near.
func nearestTo(name string, known []string) (nearest string) {
	fewest := near + 1
	for _, k := range known {
		if n := edits(name, k); n < fewest {
			nearest, fewest = k, n
		}
	}
	return nearest
}

// edits counts the bytes that have to be added, dropped or replaced to make b of a, up to near+1.
func edits(a, b string) int {
	if max(len(a), len(b))-min(len(a), len(b)) > near {
		return near + 1
	}
	row := make([]int, len(b)+1) // the edits from the part of a that was read to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
