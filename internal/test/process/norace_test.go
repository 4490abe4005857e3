//go:build !race

package process_test

// raced reports whether the race detector is on, which takes several times the memory.
const raced = false
