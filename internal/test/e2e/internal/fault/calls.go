package fault

import (
	"bytes"
	"encoding/json"
	"os"
	"sync"
	"time"
)

// Call describes a call that the driver received. The driver records it when it begins.
type Call struct {
	Method string    `json:"method"`
	Bucket string    `json:"bucket"` // name or id
	PID    int       `json:"pid"`
	Pod    string    `json:"pod,omitempty"` // EnvPod of the process
	At     time.Time `json:"at"`
}

// CallLog records calls in a file. Several processes may write to one file.
type CallLog struct {
	Path string
	mu   sync.Mutex
}

// Note records a call with a single write.
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
			break // another process is writing the line
		}
		var c Call
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}
