package cositest

import (
	"slices"
	"strings"
	"testing"
)

// A case can only wait for cases that come before it.
func TestNeedsComeFirst(t *testing.T) {
	t.Parallel()
	var before []string
	for _, c := range Cases() {
		for _, need := range c.needs {
			if !slices.Contains(before, need) {
				t.Errorf("%s needs %s, which does not come before it", c.Name, need)
			}
		}
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
	first := Cases()
	first[0].Name, first[1].needs[0] = "changed", "changed"
	if again := Cases(); again[0].Name == "changed" || again[1].needs[0] == "changed" {
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
