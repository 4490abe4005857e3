package cositest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

// Step describes one thing that a case did, and its result: a call, or the use of a hook. Its texts are printable and at
// most 1 KiB each. The kit masks the values of parameters and credentials.
type Step struct {
	// Call is the RPC, or the hook, such as Config.Access; "" for a remark of the kit.
	Call string `json:"call,omitempty"`
	// Sent is the request, with the interface's field names; "" when it is empty.
	Sent string `json:"sent,omitempty"`
	// Got is the result: OK and the response, or a code and the message.
	Got      string        `json:"got"`
	Duration time.Duration `json:"duration_ns"`
	// Tidying says that the step came after the case, to remove what the case had created.
	Tidying bool `json:"tidying,omitempty"`
	// Alike is how many more calls of the kind ended with the same code, after this step and before the last of the kind. The
	// report does not list them one by one.
	Alike int `json:"alike,omitempty"`
}

// Of the steps of a kind (the same call, in the same part of the case, with the same code) the first and the last are told
// one by one. The last are those that a case ends by.
const firstAlike, lastAlike = 4, 3

// story holds what one case did. It is safe for concurrent use.
type story struct {
	mu    sync.Mutex
	steps []*moment
	kinds map[kind][]*moment // those that are told, of each kind

	untold map[kind]int // how many are not
	after  bool
	quiet  bool
}

// moment holds a step, its begin and its kind.
type moment struct {
	Step

	begin time.Time
	kind  kind
}

// kind tells which steps are alike.
type kind struct {
	call  string
	code  codes.Code
	after bool
}

// begin forgets the case before.
func (s *story) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps, s.kinds, s.untold = nil, map[kind][]*moment{}, map[kind]int{}
}

// end returns the steps in the order in which they began.
//
// Their texts are whole: only when they are masked may they be cut, since half a secret is not recognised.
func (s *story) end() []Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.steps, func(a, b *moment) int { return a.begin.Compare(b.begin) })
	told := map[kind]int{}
	steps := make([]Step, 0, len(s.steps))
	for _, one := range s.steps {
		step := one.Step
		if told[one.kind]++; told[one.kind] == firstAlike {
			step.Alike = s.untold[one.kind]
		}
		steps = append(steps, step)
	}
	return steps
}

// tidying says that what follows is done to remove what the case had made.
func (s *story) tidying(after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = after
}

// pause leaves out what follows.
func (s *story) pause(quiet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = quiet
}

// note adds a remark.
func (s *story) note(text string) { s.add(time.Now(), codes.OK, Step{Got: text}) }

// call adds a call; short says that the kit cut it short.
func (s *story) call(rpc string, begin time.Time, request, response proto.Message, err error, short bool) {
	step := Step{Call: rpc, Sent: rendered(request), Got: "OK", Duration: time.Since(begin)}
	switch text := rendered(response); {
	case err != nil && short:
		step.Got = "no answer: the kit cut the call short"
	case err != nil:
		step.Got = said(err)
	case text != "":
		step.Got += " " + text
	case response.ProtoReflect().Descriptor().Fields().Len() > 0:
		step.Got += ", an empty answer"
	}
	s.add(begin, status.Code(err), step)
}

// hook adds the use of a hook.
func (s *story) hook(name string, begin time.Time, sent, got string) {
	s.add(begin, codes.OK, Step{Call: name, Sent: sent, Got: got, Duration: time.Since(begin)})
}

// add adds a step. If there are many of its kind, it counts one from the middle instead.
func (s *story) add(begin time.Time, code codes.Code, step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet {
		return
	}
	step.Tidying = s.after
	of := kind{step.Call, min(code, codes.Unauthenticated+1), s.after}
	one := &moment{step, begin, of}
	s.steps, s.kinds[of] = append(s.steps, one), append(s.kinds[of], one)
	if alike := s.kinds[of]; len(alike) > firstAlike+lastAlike {
		out := alike[firstAlike]
		s.untold[of]++
		s.kinds[of] = slices.Delete(alike, firstAlike, firstAlike+1)
		s.steps = slices.DeleteFunc(s.steps, func(m *moment) bool { return m == out })
	}
}

// rendered returns a message as JSON, whole, without the values of parameters and credentials; "" for one without fields.
func rendered(message proto.Message) string {
	tree := v1alpha1.Fields.Whole(message)
	if len(tree) == 0 {
		return ""
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return ""
	}
	if text.Len() > bound.Payload {
		return fmt.Sprintf("a message of %d bytes, which is too large to show", text.Len())
	}
	return string(bytes.TrimSpace(text.Bytes()))
}
