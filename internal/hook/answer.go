package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// read reads a command's answer: one JSON object, and no fields but those of to. No error quotes more of the answer than a
// field's name.
func (c command) read(r result, to any, want string) error {
	decoder := json.NewDecoder(bytes.NewReader(r.stdout))
	decoder.DisallowUnknownFields()
	var err error
	switch begin := bytes.TrimSpace(r.stdout); {
	case len(begin) == 0:
		err = errors.New("it is empty")
	case begin[0] != '{':
		err = errors.New("it is not a JSON object")
	default:
		err = decoder.Decode(to)
	}
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more follows the JSON object")
		}
	}
	if err != nil {
		return fmt.Errorf("the command's answer cannot be read: %s; want %s", c.mask(err.Error()), want)
	}
	return nil
}
