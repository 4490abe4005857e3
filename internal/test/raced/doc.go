// Package raced tells a test whether the race detector is on, which takes memory and time that a test would measure. "make
// test-figures" runs every package that asks without it.
package raced
