package fault

import (
	"bytes"
	"encoding/json"
	"os"
	"sync"
)

// Call is a call that the driver saw; it is noted when it begins.
type Call struct {
	Method string `json:"method"`
	Bucket string `json:"bucket"` // name or id
	PID    int    `json:"pid"`
}

// CallLog is a file that calls are noted in. Several processes may write one.
type CallLog struct {
	Path string
	mu   sync.Mutex
}

// Note adds a call; a line is written at once.
func (l *CallLog) Note(c Call) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(l.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(text, '\n'))
	return err
}

// Calls returns all calls so far.
func (l *CallLog) Calls() ([]Call, error) {
	text, err := os.ReadFile(l.Path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var calls []Call
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // being written
		}
		var c Call
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}
