package harness

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

// Logs keeps the lines of a logger. Its zero value is ready to use. It is safe for concurrent use.
type Logs struct {
	mu   sync.Mutex
	text []string
}

// Logger returns a logger at the highest verbosity that writes to Logs.
func (l *Logs) Logger() logr.Logger {
	return funcr.New(func(_, line string) { l.Add(line) }, funcr.Options{Verbosity: 10})
}

// Add keeps a line.
func (l *Logs) Add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line)
}

// Lines returns the lines that contain all the words.
func (l *Logs) Lines(words ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
lines:
	for _, line := range l.text {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

// Wait waits until a line contains all the words, and returns it.
func (l *Logs) Wait(t testing.TB, words ...string) string {
	t.Helper()
	Eventually(t, func() bool { return len(l.Lines(words...)) > 0 }, "no log line has %q", words)
	return l.Lines(words...)[0]
}

// OneLine returns the only line about a finished call of the method.
func (l *Logs) OneLine(t testing.TB, method string) string {
	t.Helper()
	words := []string{`"msg"="call `, fmt.Sprintf(`"method"=%q`, method)}
	line := l.Wait(t, words...)
	if found := l.Lines(words...); len(found) != 1 {
		t.Fatalf("%d lines about one call, want 1: %q", len(found), found)
	}
	return line
}
