package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// say prints a line immediately, because the stories take minutes.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// spread formats the median and the maximum of some durations.
func spread(d []time.Duration) string {
	if len(d) == 0 {
		return "never"
	}
	sorted := slices.Sorted(slices.Values(d))
	return fmt.Sprintf("median %.2fs, max %.2fs", sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds())
}
