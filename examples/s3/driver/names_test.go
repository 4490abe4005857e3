package driver_test

import (
	"crypto/rand"
	"strings"
)

// unique is a word that no other test has, fit for the name of a bucket.
func unique() string { return strings.ToLower(rand.Text()) }

// pair is a class with one parameter, written as in a tag.
func pair(text string) map[string]string {
	key, value, _ := strings.Cut(text, "=")
	return map[string]string{key: value}
}
