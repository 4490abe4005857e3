package methods

import (
	"slices"
	"time"

	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/rules"
)

// Generation describes a generation of COSI, such as v1alpha1: all that the stages around a call have to know of it.
type Generation struct {
	Name    string             // for people
	Methods map[string]*Method // by full method name
	Fields  redact.Fields      // what may be shown of its messages

	// Request checks a request, Response an answer to what Method.Kept kept of its request, and Advice what an answer should
	// hold. Each returns nil for a message that breaks no rule. nil: there are no such rules; Table fills them in.
	Request  func(request any) *rules.Violation
	Response func(kept, response any) *rules.Violation
	Advice   func(response any) *rules.Violation

	// Strict refuses requests with fields that the bindings do not know: their sender speaks another revision.
	Strict bool
}

// Table returns the methods of generations, by full method name. What a description leaves out is filled in, so that nobody
// has to ask for it. The descriptions stay as they are: several drivers may have them.
func Table(generations []Generation) map[string]*Method {
	all := map[string]*Method{}
	for _, g := range generations {
		g.complete()
		for name, described := range g.Methods {
			m := *described
			m.complete()
			m.FullName, m.Generation = name, &g
			all[name] = &m
		}
	}
	return all
}

// Buckets are those whose turn a call needs, in the order in which every call takes them: its own and the others, each once.
func (m *Method) Buckets(own string, request any) []string {
	buckets := append(slices.Clone(m.Others(request)), own) // the others may be the request's own list
	slices.Sort(buckets)
	return slices.DeleteFunc(slices.Compact(buckets), func(bucket string) bool { return bucket == "" })
}

// Patience is how long a call that began at start may wait for a bucket's turn within a limit; 0: indefinitely. One that needs
// several has the limit for all of them.
func (m *Method) Patience(limit time.Duration, start time.Time) time.Duration {
	if limit == 0 || m.Others == nil {
		return limit
	}
	return max(time.Nanosecond, limit-time.Since(start))
}

// Classes says what may be shown of the method's messages: nothing of those of a nil Method.
func (m *Method) Classes() redact.Fields {
	if m == nil {
		return nil
	}
	return m.Generation.Fields
}

func (g *Generation) complete() {
	if g.Request == nil {
		g.Request = func(any) *rules.Violation { return nil }
	}
	if g.Response == nil {
		g.Response = func(any, any) *rules.Violation { return nil }
	}
	if g.Advice == nil {
		g.Advice = func(any) *rules.Violation { return nil }
	}
}

func (m *Method) complete() {
	nothing := func(any) string { return "" }
	if m.Bucket == nil {
		m.Bucket = nothing
	}
	if m.Account == nil {
		m.Account = nothing
	}
	if m.Result.Value == nil {
		m.Result.Key = ""
	}
	if m.Secrets == nil {
		m.Secrets = func(any) map[string]string { return nil }
	}
}
