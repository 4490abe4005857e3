package driver_test

import "strings"

// pair is a class with one parameter, written as in a tag.
func pair(text string) map[string]string {
	key, value, _ := strings.Cut(text, "=")
	return map[string]string{key: value}
}
