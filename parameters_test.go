package gocosi_test

import (
	"maps"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in      map[string]string
		allowed []string
		message string // "" for success
	}{
		"nil":               {nil, nil, ""},
		"nil, some allowed": {nil, []string{"region"}, ""},
		"empty":             {map[string]string{}, nil, ""},
		"some of those":     {map[string]string{"region": "r"}, []string{"region", "tier"}, ""},
		"empty value":       {map[string]string{"region": ""}, []string{"region"}, ""},
		"empty key":         {map[string]string{"": password}, []string{"region"}, `unknown parameters: [""]; want region`},
		"another case":      {map[string]string{"Region": password}, []string{"region"}, `unknown parameters: ["Region"]; want region`},
		"several, sorted": {
			map[string]string{"z": password, "region": password, "a": password, "m": password, "b": password, "y": password, "c": password},
			[]string{"tier", "region"},
			`unknown parameters: ["a" "b" "c" "m" "y" "z"]; want tier, region`,
		},
		"none allowed": {map[string]string{"a": password}, nil, `unknown parameters: ["a"]; want none`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(tt.in)
			got, err := gocosi.Parameters(tt.in, tt.allowed...)
			if tt.message != "" {
				if got != nil || status.Code(err) != codes.InvalidArgument || status.Convert(err).Message() != tt.message {
					t.Errorf("got %v, %v, want INVALID_ARGUMENT with %s", got, err, tt.message)
				}
				if err != nil && strings.Contains(err.Error(), password) {
					t.Errorf("the error shows a value, want names only: %v", err)
				}
				return
			}
			if err != nil || got == nil || !maps.Equal(got, tt.in) {
				t.Fatalf("got %v, %v, want %v", got, err, tt.in)
			}
			got["new"] = "value"
			if !maps.Equal(tt.in, before) {
				t.Errorf("the argument is now %v, want it unchanged: Parameters must return a copy", tt.in)
			}
		})
	}
}
