package javascript_test

import (
	"slices"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
)

// report is what cosictl check writes as JSON.
type report struct {
	Driver  string            `json:"driver"`
	Verdict string            `json:"verdict"`
	Results []cositest.Result `json:"results"`
}

// with lists the cases of an outcome.
func (r report) with(outcome cositest.Outcome) (names []string) {
	for _, result := range r.Results {
		if result.Outcome == outcome {
			names = append(names, result.Name)
		}
	}
	return names
}

// others lists the cases but these.
func others(but []string) (names []string) {
	for _, k := range cositest.Cases() {
		if !slices.Contains(but, k.Name) {
			names = append(names, k.Name)
		}
	}
	return names
}

func (r report) equals(t *testing.T, outcome cositest.Outcome, want []string) {
	t.Helper()
	if got := r.with(outcome); !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", outcome, got, want)
	}
}
