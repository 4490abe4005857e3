package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The types of JSON that a value may have to be of.
const (
	anObject = "an object"
	aString  = "a string"
	aNumber  = "a number"
	aBoolean = "true or false"
)

// member is a key of a JSON object, and its value.
type member struct {
	key   string
	value json.RawMessage
}

// readObject reads a JSON object, and refuses a key that is there twice: the first would be lost. want names the object in
// errors, which quote nothing but keys: the values may be secret.
func readObject(content []byte, want string) ([]member, error) {
	if !utf8.Valid(content) {
		return nil, fmt.Errorf("not valid UTF-8; want %s", want)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("not %s", want)
	}
	var members []member
	seen := map[string]bool{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("not %s%s", want, behind(members))
		}
		m := member{}
		m.key, _ = key.(string) // the decoder takes nothing else for a key
		if decoder.Decode(&m.value) != nil {
			return nil, fmt.Errorf("not %s: %q has no value that is JSON", want, m.key)
		}
		if seen[m.key] {
			return nil, fmt.Errorf("%q is there twice", m.key)
		}
		seen[m.key] = true
		members = append(members, m)
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return nil, fmt.Errorf("not %s%s", want, behind(members))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("not %s: more follows it", want)
	}
	return members, nil
}

// behind says where an object breaks off.
func behind(members []member) string {
	if len(members) == 0 {
		return ""
	}
	return fmt.Sprintf(": what follows %q is no JSON", members[len(members)-1].key)
}

// text is the value, if it is a string.
func (m member) text() (text string, ok bool) {
	ok = m.kind() == aString && json.Unmarshal(m.value, &text) == nil
	return text, ok
}

// kind names the type of the value.
func (m member) kind() string {
	switch m.value[0] {
	case '{':
		return anObject
	case '[':
		return "an array"
	case '"':
		return aString
	case 't', 'f':
		return aBoolean
	case 'n':
		return "null"
	}
	return aNumber
}
