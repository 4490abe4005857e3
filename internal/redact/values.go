package redact

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doomshrine/gocosi/internal/foreign"
)

// everything stands for more secrets than are kept: Text then shows nothing.
const everything = "\x00"

// What is kept of messages. The maps of a message that keeps the rules have 4 KiB.
const (
	mostValues   = 1 << 10
	mostBytes    = 64 << 10
	mostMessages = 4 << 10 // messages within messages, which may hold themselves
)

// Values returns what Message would mask in the messages, for use with Text. It skips nil messages.
func (f Fields) Values(messages ...protoreflect.ProtoMessage) []string {
	c := collector{fields: f}
	for _, m := range messages {
		if m != nil {
			c.message(reflected(m))
		}
	}
	return c.values()
}

// Made returns what Message would mask in the values that are messages: an answer, or what a handler panicked with.
func (f Fields) Made(values ...any) []string {
	c := collector{fields: f}
	for _, value := range values {
		if m, ok := value.(protoreflect.ProtoMessage); ok && !foreign.IsNil(m) {
			c.message(reflected(m))
		}
	}
	return c.values()
}

// Parameters returns the values of a map, for use with Text; nil for none. It is cheap enough for every call.
func Parameters(m map[string]string) []string {
	if len(m) == 0 {
		return nil
	}
	c := collector{found: make([]string, 0, min(len(m), mostValues))}
	for _, value := range m {
		if !c.keep(value) {
			break
		}
	}
	return c.values()
}

// collector collects secrets up to what is kept.
type collector struct {
	fields          Fields
	found           []string
	bytes, messages int
	over            bool
}

func (c *collector) values() []string {
	if c.over {
		return []string{everything}
	}
	return c.found
}

// keep adds a value, and reports whether there may be more.
func (c *collector) keep(value string) bool {
	c.bytes += len(value)
	if c.over = c.over || c.bytes > mostBytes || len(c.found) == mostValues; !c.over {
		c.found = append(c.found, value)
	}
	return !c.over
}

func (c *collector) message(m protoreflect.Message) bool {
	c.messages++
	c.over = c.over || c.messages > mostMessages
	each(m, func(f protoreflect.FieldDescriptor, v protoreflect.Value, readable bool) bool {
		return !c.over && (!readable || c.field(f, v))
	})
	return !c.over
}

func (c *collector) field(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	switch {
	case f.IsMap():
		v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { return c.one(f.MapValue(), v) })
	case f.IsList():
		for i, more := 0, true; more && i < v.List().Len(); i++ {
			more = c.one(f, v.List().Get(i))
		}
	default:
		return c.one(f, v)
	}
	return !c.over
}

func (c *collector) one(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	switch {
	case f.Message() != nil:
		return c.message(v.Message())
	case c.fields[f.FullName()] != Hidden:
	case f.Kind() == protoreflect.StringKind:
		return c.keep(v.String())
	case f.Kind() == protoreflect.BytesKind:
		return c.keep(string(v.Bytes()))
	}
	return true
}
