package e2e_test

import (
	"testing"
	"time"
)

// limit bounds each wait: longer than the sidecar's longest pause between two tries.
const limit = 45 * time.Second

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !within(t, limit, holds) {
		t.Fatalf("not within %v: %s", limit, what)
	}
}

// within waits at most so long until something holds, and tells whether it does.
func within(t *testing.T, atMost time.Duration, holds func() bool) bool {
	t.Helper()
	for end := time.Now().Add(atMost); ; time.Sleep(20 * time.Millisecond) {
		if holds() {
			return true
		}
		if time.Now().After(end) || t.Context().Err() != nil {
			return false
		}
	}
}
