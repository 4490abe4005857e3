package javascript_test

import (
	"testing"

	"github.com/doomshrine/gocosi/cositest"
)

// fault is one that the driver is started with.
type fault struct {
	name   string
	run    string // the cases that are looked at
	failed []string
	warned []string
	code   int
}

var faults = []fault{
	{"revoke does nothing", "", []string{"REVOKE-3"}, []string{"REVOKE-8"}, 1},
	{"each grant makes another secret", "^GRANT-(5|11)", []string{"GRANT-5"}, nil, 1},
	{"foreign buckets are adopted", "^(CREATE|DELETE-5)", []string{"CREATE-13"}, nil, 1},
	{"secrets are logged", "^(CREATE|GEN-11)", []string{"GEN-11 log"}, nil, 1},
	{"an outage looks like a bucket that is not there", "^OUTAGE-[1-5]", []string{"OUTAGE-3"}, nil, 1},
	{"unknown parameters are ignored", "^CREATE-[1-8]", nil, []string{"CREATE-8 unknown"}, 0},
}

// names expects the kit to name a fault, and nothing else.
func (p programs) names(t *testing.T, f fault) {
	t.Parallel()
	d := p.start(t, f.name)
	r, code := p.check(t, d, append(p.everything(t, d), "-run", f.run)...)
	r.equals(t, cositest.Failed, f.failed)
	r.equals(t, cositest.Warned, f.warned)
	r.equals(t, cositest.NotConfigured, nil)
	if code != f.code {
		t.Errorf("%q, exit code %d, want %d", r.Verdict, code, f.code)
	}
}
