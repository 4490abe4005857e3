//go:build race

package driver_test

// usualLives take a minute under the race detector, on two cores.
const usualLives = 1200
