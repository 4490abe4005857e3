package cositest

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/doomshrine/gocosi/internal/redact"
)

// uncut masks the beginning of a secret that a text was cut in: the text may have been cut before the secret was known.
func uncut(text string, secrets []string) string {
	if !strings.Contains(text, "...(") {
		return text
	}
	cut := regexp.MustCompile(`\.\.\.\(\d+ bytes\)`)
	var shown strings.Builder
	for {
		at := cut.FindStringIndex(text)
		if at == nil {
			return shown.String() + text
		}
		before := text[:at[0]]
		if n := half(before, secrets); n > 0 {
			before = before[:len(before)-n] + redact.Mask
		}
		shown.WriteString(before + text[at[0]:at[1]])
		text = text[at[1]:]
	}
}

// half is how many bytes at the end of a text are the beginning of a secret; 0 when there are too few to tell.
func half(text string, secrets []string) int {
	longest := 0
	for _, secret := range secrets {
		for n := min(len(secret), len(text)); n >= leastSecret && n > longest; n-- {
			if strings.HasSuffix(text, secret[:n]) && utf8.ValidString(secret[:n]) {
				longest = n
			}
		}
	}
	return longest
}
