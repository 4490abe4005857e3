//go:build !race

package driver_test

// usualLives take half a minute on two cores.
const usualLives = 3000
