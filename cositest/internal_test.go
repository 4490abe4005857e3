package cositest

import (
	"slices"
	"strings"
	"testing"
)

func TestCasesAreWhole(t *testing.T) {
	t.Parallel()
	var before []string
	for _, c := range Cases() {
		if slices.Contains(before, c.Name) {
			t.Errorf("there are two cases %s", c.Name)
		}
		if id, _, _ := strings.Cut(c.Name, " "); id != c.ID || c.Level == "" || c.Text == "" || c.run == nil {
			t.Errorf("%s is not whole: %+v", c.Name, c)
		}
		before = append(before, c.Name)
	}
}

// Nobody can change the cases of others.
func TestCasesAreCopies(t *testing.T) {
	t.Parallel()
	Cases()[0].Name = "changed"
	if Cases()[0].Name == "changed" {
		t.Error("a change shows in other copies")
	}
}

func TestNamesAreTheSidecars(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{bucketName(): 43, accountName(): 39} {
		if len(name) != want || strings.Count(name, "-") != 5 {
			t.Errorf("%s has %d characters, want %d", name, len(name), want)
		}
	}
	if first, second := bucketName(), bucketName(); first == second {
		t.Error("two names are the same")
	}
	if n := len(overlong("x")); n != 129 {
		t.Errorf("the long name has %d bytes", n)
	}
}
