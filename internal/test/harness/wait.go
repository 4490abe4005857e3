package harness

import (
	"context"
	"testing"
	"time"
)

// Limit is how long a test waits for what must happen.
const Limit = time.Minute

// Eventually waits until done says true.
func Eventually(t testing.TB, done func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(Limit); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf(format, args...)
		}
	}
}

// Timeout returns a context for one call.
func Timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	t.Cleanup(cancel)
	return ctx
}
