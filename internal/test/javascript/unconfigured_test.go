package javascript_test

import (
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
)

// needed are the flags that cases wait for, in the order of the cases.
var needed = []struct{ name, flag string }{
	{"CREATE-4", "-incompatible-parameters"},
	{"CREATE-7", "-unprovisionable-parameters"},
	{"CREATE-13", "-foreign-command"},
	{"DELETE-1", "-destructive"},
	{"DELETE-5", "-foreign-command"},
	{"GRANT-5 accounts", "-count-command"},
	{"REVOKE-1", "-destructive"},
	{"REVOKE-2", "-destructive"},
	{"CREATE-11", "-access-command"},
	{"DELETE-6", "-access-command"},
	{"REVOKE-3", "-access-command"},
	{"ISOLATION-1", "-access-command"},
	{"ISOLATION-2", "-access-command"},
	{"GRANT-11 conflict", "-incompatible-access-parameters"},
	{"GEN-11 log", "-log"},
	{"OUTAGE-1", "-outage-command"},
	{"OUTAGE-2", "-outage-command"},
	{"OUTAGE-3", "-outage-command"},
	{"OUTAGE-4", "-outage-command"},
	{"OUTAGE-5", "-outage-command"},
	{"OUTAGE-6", "-outage-command"},
	{"NEXT-4", "-outage-command"},
}

// bare gives no flags: that finds no fault, and says which flags would let more cases look.
func (p programs) bare(t *testing.T) {
	t.Parallel()
	r, code := p.check(t, p.start(t, ""))
	var names []string
	flags := map[string]string{}
	for _, need := range needed {
		names = append(names, need.name)
		flags[need.name] = need.flag
	}
	r.equals(t, cositest.NotConfigured, names)
	r.equals(t, cositest.NotApplicable, inapplicable)
	r.equals(t, cositest.Passed, others(append(names, inapplicable...)))
	for _, result := range r.Results {
		if flag := flags[result.Name]; !strings.Contains(result.Reason, flag) {
			t.Errorf("%s: %q, want %s", result.Name, result.Reason, flag)
		}
	}
	if verdict := "no fault found in what was checked: "; !strings.HasPrefix(r.Verdict, verdict) || code != 0 {
		t.Errorf("%q, exit code %d, want %q… and 0", r.Verdict, code, verdict)
	}
}
