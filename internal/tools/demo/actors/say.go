// Package actors holds who takes part in a demonstration: a driver's process, and cosictl, which calls it as the sidecar
// would. Whatever they do is told in a line.
package actors

import "fmt"

// Say prints the line of a step.
func Say(step, format string, args ...any) {
	fmt.Printf("%-13s %s\n", step, fmt.Sprintf(format, args...)) //nolint:forbidigo // this is what a demonstration is for
}
