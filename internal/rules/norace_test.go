//go:build !race

package rules_test

// raced reports whether the race detector is on: it makes pools forget at random.
const raced = false
