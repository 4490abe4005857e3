package redact

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doomshrine/gocosi/internal/bound"
)

// Class says how much of a field may be shown.
type Class int

// The classes.
const (
	Hidden Class = iota // nothing: the class of every field that is not listed
	Public              // the value
	Keys                // of a map: the keys
)

// Fields classifies fields by full name. The zero value hides every field.
type Fields map[protoreflect.FullName]Class

const (
	unreadable = "[unreadable]" // stands for a field that cannot be read
	missing    = "..."          // the key under which a map says what it lacks
)

// Message renders m as a tree of maps for a logger. It masks unclassified fields, and the values of parameters and
// credentials. Strings and keys are printable and at most bound.Name bytes long, since all that may be shown are names and
// ids. The trees of a request and a response together stay within bound.Payload. It returns nil for a nil m.
func (f Fields) Message(m protoreflect.ProtoMessage) map[string]any {
	if m == nil {
		return nil
	}
	r := renderer{fields: f, room: bound.Payload/2 - bound.Text}
	return r.message(reflected(m))
}

// Whole renders m as Message does, and leaves its strings as they are, with whatever is in them: for a reader who looks for
// secrets in the text before it is cut and shown.
func (f Fields) Whole(m protoreflect.ProtoMessage) map[string]any {
	if m == nil {
		return nil
	}
	r := renderer{fields: f, room: bound.Payload, whole: true}
	return r.message(reflected(m))
}

// renderer renders a message as long as there is room.
type renderer struct {
	fields Fields
	room   int
	whole  bool // strings are left as they are
}

// take returns text as it is shown, and reports whether there was room for it.
func (r *renderer) take(text string) (shown string, ok bool) {
	if shown = text; !r.whole {
		shown = bound.Printable(text, bound.Name)
	}
	ok = r.room > 0
	r.room -= len(strconv.Quote(shown)) + len(`:,{}`)
	return shown, ok
}

func (r *renderer) message(m protoreflect.Message) map[string]any {
	out := map[string]any{}
	each(m, func(f protoreflect.FieldDescriptor, v protoreflect.Value, readable bool) bool {
		name, ok := r.take(string(f.Name()))
		switch {
		case !ok:
			out[missing] = "and more"
		case !readable:
			out[name] = unreadable
		default:
			out[name] = r.field(f, v)
		}
		return ok
	})
	return out
}

func (r *renderer) field(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	c := r.fields[f.FullName()]
	switch {
	case c == Hidden || f.IsList():
		return r.text(Mask)
	case f.IsMap():
		return r.entries(f, v.Map(), c)
	case f.Message() != nil:
		return r.message(v.Message())
	case f.Enum() != nil:
		return enum(f, v.Enum())
	}
	return r.text(v.String())
}

func (r *renderer) text(text string) string {
	shown, _ := r.take(text)
	return shown
}

func enum(f protoreflect.FieldDescriptor, n protoreflect.EnumNumber) any {
	if v := f.Enum().Values().ByNumber(n); v != nil {
		return string(v.Name())
	}
	return int32(n)
}

func (r *renderer) entries(f protoreflect.FieldDescriptor, m protoreflect.Map, c Class) map[string]any {
	out := map[string]any{}
	shown := 0
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		key, ok := r.take(k.String())
		if !ok || shown == bound.Entries {
			out[missing] = r.text(fmt.Sprintf("and %d more", m.Len()-shown))
			return false
		}
		shown++
		if c == Public && f.MapValue().Message() != nil {
			out[key] = r.message(v.Message())
		} else {
			out[key] = r.text(Mask)
		}
		return true
	})
	return out
}

// each visits the fields of a message that are set, until visit returns false. Foreign code made the message: what cannot be
// read, such as a variant of a oneof that is a nil pointer, does not keep the rest from being read.
func each(m protoreflect.Message, visit func(f protoreflect.FieldDescriptor, v protoreflect.Value, readable bool) bool) {
	if m == nil {
		return
	}
	all := m.Descriptor().Fields()
	for i := range all.Len() {
		var v protoreflect.Value
		set, f := false, all.Get(i)
		readable := attempt(func() {
			if set = m.Has(f); set {
				v = m.Get(f)
			}
		})
		if (set || !readable) && !visit(f, v, readable) {
			return
		}
	}
}

// reflected returns a message for reading; nil if that cannot be done.
func reflected(m protoreflect.ProtoMessage) (r protoreflect.Message) {
	attempt(func() { r = m.ProtoReflect() })
	return r
}

// attempt calls f, and reports whether it returned rather than panicked.
func attempt(f func()) (returned bool) {
	defer func() { _ = recover() }()
	f()
	return true
}
