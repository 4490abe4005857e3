//go:build genproto

package deps

// The bindings require an old google.golang.org/genproto, from before google.golang.org/genproto/googleapis/rpc was split
// off. Requiring a later one ends the ambiguity, for this module and for those that require it; this import, which no
// build includes, keeps "go mod tidy" from dropping the requirement.
import _ "google.golang.org/genproto/protobuf/field_mask"
