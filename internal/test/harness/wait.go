package harness

import (
	"context"
	"testing"
	"time"
)

// Limit bounds how long a test waits for something that must happen.
const Limit = time.Minute

// Eventually waits until done returns true, and fails the test after Limit.
func Eventually(t testing.TB, done func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(Limit); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf(format, args...)
		}
	}
}

// Timeout returns a context that bounds one call with Limit.
func Timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	t.Cleanup(cancel)
	return ctx
}
