package hook

import (
	"bytes"
	"strings"

	"github.com/doomshrine/gocosi/internal/bound"
)

// head keeps what a command writes, until it is too much.
type head struct {
	text []byte
	full func() // is told of too much
}

func (h *head) Write(p []byte) (int, error) {
	if len(h.text)+len(p) > maxRoom {
		h.full()
		return len(p), nil
	}
	h.text = append(h.text, p...)
	return len(p), nil
}

// tail keeps the end of what a command writes.
type tail struct {
	text []byte
	cut  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - bound.Text; over > 0 {
		t.text, t.cut = bytes.Clone(t.text[over:]), true
	}
	return len(p), nil
}

// String returns the last lines. Of one that was cut nothing is shown: it may begin with a part of a secret, which nobody
// would recognise.
func (t *tail) String() string {
	text := string(t.text)
	if t.cut {
		_, text, _ = strings.Cut(text, "\n")
	}
	return strings.TrimSpace(text)
}
