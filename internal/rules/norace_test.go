//go:build !race

package rules_test

// raced says that the race detector is on, under which pools forget at random.
const raced = false
