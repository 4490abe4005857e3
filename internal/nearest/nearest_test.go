package nearest_test

import (
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/nearest"
)

func TestTo(t *testing.T) {
	t.Parallel()
	known := []string{"create", "delete", "grant", "INFO-1", "INFO-2"}
	for name, row := range map[string]struct {
		text  string
		limit int
		want  string
	}{
		"the name itself":        {"grant", 0, "grant"},
		"a byte is missing":      {"crete", 1, "create"},
		"a byte is too much":     {"grrant", 1, "grant"},
		"another byte":           {"drant", 1, "grant"},
		"neighbours are swapped": {"garnt", 1, "grant"},
		"swapped at the end":     {"graTN", 1, "grant"},
		"another case":           {"info-1", 0, "INFO-1"},
		"the first of several":   {"INFO-3", 1, "INFO-1"},
		"the fewest edits":       {"delate", 3, "delete"},
		"at the limit":           {"crt", 3, "create"},
		"over the limit":         {"crt", 2, ""},
		"nothing near":           {"volume", 2, ""},
		"no text":                {"", 3, ""},
		"a long text":            {strings.Repeat("x", 1<<20), 3, ""},
		"not two edits at once":  {"rgantt", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := nearest.To(row.text, known, row.limit); got != row.want {
				t.Errorf("To(%.20q) = %q, want %q", row.text, got, row.want)
			}
		})
	}
}
