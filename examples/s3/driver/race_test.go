//go:build race

package driver_test

// usualLives are few under the race detector: make test-figures lives more without it.
const usualLives = 300
