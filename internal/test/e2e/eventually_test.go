package e2e_test

import (
	"testing"
	"time"
)

// limit bounds each wait: longer than the sidecar's longest pause between two tries.
const limit = 45 * time.Second

// eventually waits until a condition holds, and fails the test after the limit.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !within(t, limit, holds) {
		t.Fatalf("not within %v: %s", limit, what)
	}
}

// within waits for a limited time until a condition holds, and reports whether it does.
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
