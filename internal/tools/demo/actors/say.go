// Package actors runs the participants of a demonstration: a driver's process, and cosictl, which calls the driver as
// the sidecar does. It prints a line for each action.
package actors

import "fmt"

// Say prints the line of a step.
func Say(step, format string, args ...any) {
	fmt.Printf("%-13s %s\n", step, fmt.Sprintf(format, args...)) //nolint:forbidigo // a demonstration writes to standard output
}
