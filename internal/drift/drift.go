// Package drift finds what a message has that its bindings do not know: it was made by another revision of the interface.
package drift

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Field is a field that the bindings do not know.
type Field struct {
	Message protoreflect.FullName // that it stands in
	Number  int32                 // 0 when even that cannot be read
}

// Check refuses a message with such a field: whoever sent it was built from another revision, and may mean something else by the
// fields that are known. The code is one that callers repeat, so that a deployment that is fixed goes on. What is no message of
// protobuf's passes.
func Check(message any, generation string) error {
	m, ok := message.(proto.Message)
	if !ok {
		return nil
	}
	field, unknown := Find(m)
	if !unknown {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition, "%s has field %d, which this driver's revision of %s does not know; want a caller built "+
		"from the same revision", field.Message, field.Number, generation)
}

// deepest is how many messages within messages are looked at: as many as the decoder of protobuf reads.
const deepest = 10_000

// Find returns an unknown field of the message, or of one within it, and reports whether there is one. Values of
// enumerations that the bindings do not know are the rules' to refuse.
func Find(m proto.Message) (field Field, found bool) {
	return find(m.ProtoReflect(), 0)
}

func find(m protoreflect.Message, depth int) (field Field, found bool) {
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		number, _, _ := protowire.ConsumeTag(unknown)
		return Field{m.Descriptor().FullName(), int32(max(0, number))}, true
	}
	if depth == deepest {
		return Field{}, false
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		field, found = within(f, v, depth+1)
		return !found
	})
	return field, found
}

// within looks at the messages in a field.
func within(f protoreflect.FieldDescriptor, v protoreflect.Value, depth int) (field Field, found bool) {
	switch {
	case f.IsMap():
		if f.MapValue().Message() == nil {
			return field, false
		}
		v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
			field, found = find(v.Message(), depth)
			return !found
		})
	case f.Message() == nil:
	case f.IsList():
		for i := 0; i < v.List().Len() && !found; i++ {
			field, found = find(v.List().Get(i).Message(), depth)
		}
	default:
		return find(v.Message(), depth)
	}
	return field, found
}
