package gocosi

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Parameters reads the parameters of a bucket class or bucket access class strictly: it returns a copy of m, or an
// INVALID_ARGUMENT status that names the keys that are not allowed, and those that are (requirements CREATE-8 and
// GRANT-13). A nil m gives an empty map. It does not check values, and no error shows them.
func Parameters(m map[string]string, allowed ...string) (map[string]string, error) {
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(allowed, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		want := "want none"
		if len(allowed) > 0 {
			want = "want " + strings.Join(allowed, ", ")
		}
		return nil, status.Errorf(codes.InvalidArgument, "unknown parameters: %q; %s", unknown, want)
	}
	parameters := maps.Clone(m)
	if parameters == nil {
		parameters = map[string]string{}
	}
	return parameters, nil
}
