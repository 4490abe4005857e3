//go:build race

package rules_test

// raced reports whether the race detector is on, which empties pools at random.
const raced = true
