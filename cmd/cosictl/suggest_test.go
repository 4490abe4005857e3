package main

import (
	"fmt"
	"strings"
	"testing"
)

// An error about an unknown name suggests the one that may be meant, in the same line, and none when nothing is near.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		args []string
		want string // the suggestion; "": none
	}{
		{[]string{"chekc"}, "check"},
		{[]string{"Info"}, "info"},
		{[]string{"help", "grnt"}, "grant"},
		{[]string{"helpp"}, "help"},
		{[]string{"list"}, ""},
		{[]string{"-endpont", "x", "info"}, "-endpoint"},
		{[]string{"info", "--timout", "1s"}, "-timeout"},
		{[]string{"create", "one", "-parameter", "f"}, "-parameters"},
		{[]string{"check", "-accesscommand=true"}, "-access-command"},
		{[]string{"info", "-parallel", "1"}, ""}, // is another command's
		{[]string{"info", "-x"}, ""},
		{[]string{"info", "-o", "jsno"}, "json"},
		{[]string{"info", "-o", "yaml"}, ""},
		{[]string{"grant", "b", "a", "-auth", "Key"}, "key"},
		{[]string{"check", "-auth", "im"}, "iam"},
		{[]string{"check", "-auth", "both"}, ""},
		{[]string{"check", "-run", "grant-11"}, "GRANT-11"},
		{[]string{"check", "-run", "^CREATE10$"}, "CREATE-10"},
		{[]string{"check", "-run", "^GRANT-11 konflict$"}, "GRANT-11 conflict"},
		{[]string{"check", "-skip", "OUTGE-1"}, "OUTAGE-1"},
		{[]string{"check", "-run", "^CREATE10[a]$"}, ""}, // is no name
		{[]string{"check", "-skip", "NOTHING-LIKE-IT"}, ""},
	} {
		t.Run(fmt.Sprint(one.args), func(t *testing.T) {
			t.Parallel()
			o := cosictlUntil(t.Context(), "", append([]string{"-endpoint", "/nowhere/c.sock"}, one.args...)...)
			o.oneErrorLine(t)
			want := " (did you mean " + one.want + "?)"
			if suggested := strings.Contains(o.stderr, "did you mean"); suggested != (one.want != "") || suggested && !strings.Contains(o.stderr, want) {
				t.Errorf("stderr is %q, want the suggestion %q", o.stderr, one.want)
			}
			if o.code != exitUsage {
				t.Errorf("exit code %d, want %d", o.code, exitUsage)
			}
		})
	}
}
