package report

import (
	"fmt"
	"time"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/bound"
)

// shown rounds durations.
const shown = 100 * time.Microsecond

// asked returns what a step did.
func asked(s cositest.Step) string {
	text := s.Call
	if s.Sent != "" {
		text += " " + s.Sent
	}
	if s.Tidying {
		text = "afterwards: " + text
	}
	return text
}

// came returns what a step got.
func came(s cositest.Step) string {
	text := s.Got
	if s.Alike > 0 {
		text += fmt.Sprintf(" (and %s of the kind)", bound.Count(s.Alike, "more", "more"))
	}
	return text
}

// took returns how long a step took; "" for a remark.
func took(s cositest.Step) string {
	if s.Call == "" {
		return ""
	}
	return s.Duration.Round(shown).String()
}
