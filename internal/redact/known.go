package redact

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// shortest is the length in bytes of the shortest secret that Text masks: masking "1" or "s3" would garble the text and
// hide nothing.
const shortest = 6

// known hides the secrets, in whatever way they overlap. One that begins in what is looked at may end behind it.
func (c cover) known(text string, secrets []string) {
	for _, s := range secrets {
		c.each(text, s)
		for _, form := range forms(s) {
			c.each(text, form)
		}
	}
}

func (c cover) each(text, secret string) {
	if len(secret) < shortest {
		return
	}
	text = text[:min(len(text), len(c)+len(secret)-1)]
	hidden := 0
	for at := range places(text, secret) {
		c.hide(max(at, hidden), at+len(secret))
		hidden = at + len(secret)
	}
}

// forms returns what becomes of a secret in a text that quotes it, in JSON, in a URL, and without white space around it.
// Encodings that change every secret, such as base64, are not among them: they would double the cost of each text.
func forms(secret string) []string {
	if len(secret) < shortest || uniform(secret) {
		return nil
	}
	found := []string{strings.TrimSpace(secret), inner(strconv.Quote(secret)), url.QueryEscape(secret), url.PathEscape(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		found = append(found, inner(string(quoted)))
	}
	var plain strings.Builder // JSON that leaves markup as it is
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(secret); err == nil {
		found = append(found, inner(strings.TrimSuffix(plain.String(), "\n")))
	}
	return found
}

// uniform reports whether a secret has the same form everywhere.
func uniform(secret string) bool { return lastWord(secret) == secret }

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }
