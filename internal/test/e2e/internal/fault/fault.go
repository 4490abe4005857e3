// Package fault tells the fault driver how to behave, with a file that the driver reads at each call. It imports no
// bindings, because the test and the driver cannot share them.
package fault

import (
	"encoding/json"
	"os"
	"time"
)

// The environment variables of the fault driver.
const (
	EnvFaults        = "E2E_FAULTS"         // file with a Script
	EnvStore         = "E2E_STORE"          // file that keeps the buckets
	EnvCalls         = "E2E_CALLS"          // file that records each call
	EnvPod           = "E2E_POD"            // name of the pod, for EnvCalls
	EnvNoTranslation = "E2E_NO_TRANSLATION" // "true": the library does not translate status codes
)

// Script says how each method behaves. A method without an entry works.
type Script map[string]Behaviour

// Behaviour lists the faults of a call, in the order in which they happen. The zero value has none.
type Behaviour struct {
	Delay time.Duration `json:"delay,omitempty"` // at every call; obeys the call's context
	Once  string        `json:"once,omitempty"`  // file that the first call without it creates: only that call has the faults below
	Kill  string        `json:"kill,omitempty"`  // Before or After the work: the process kills itself
	Hang  bool          `json:"hang,omitempty"`  // until the call's context ends
	Panic bool          `json:"panic,omitempty"` // before the work
	Code  uint32        `json:"code,omitempty"`  // a gRPC status code, before the work
	Nil   bool          `json:"nil,omitempty"`   // a nil response without an error, before the work
}

// Moments at which a driver kills itself.
const (
	Before = "before"
	After  = "after"
)

// Message is the text of every scripted failure.
const Message = "as the script says"

// Write replaces the script atomically. A call reads either this script or the previous one.
func Write(path string, s Script) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Read returns the current behaviour of a method.
func Read(path, method string) (Behaviour, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return Behaviour{}, nil
	}
	if err != nil {
		return Behaviour{}, err
	}
	var s Script
	err = json.Unmarshal(text, &s)
	return s[method], err
}

// Applies reports whether the behaviour applies to this call.
func (b Behaviour) Applies() bool {
	if b.Once == "" {
		return true
	}
	f, err := os.OpenFile(b.Once, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
