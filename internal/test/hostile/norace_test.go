//go:build !race

package hostile_test

// raced reports whether the race detector is on, which takes several times the memory and the time.
const raced = false
