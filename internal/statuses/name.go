package statuses

import (
	"strings"
	"unicode"

	"google.golang.org/grpc/codes"
)

// Name is the specification's name of a code: INVALID_ARGUMENT, where [codes.Code.String] says InvalidArgument.
func Name(code codes.Code) string {
	if code == codes.Canceled {
		return "CANCELLED"
	}
	var name strings.Builder
	lower := false
	for _, r := range code.String() {
		if lower && unicode.IsUpper(r) {
			name.WriteByte('_')
		}
		lower = unicode.IsLower(r)
		name.WriteRune(unicode.ToUpper(r))
	}
	return name.String()
}
