package cositest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/rules"
)

// fault is one way to break one rule of a driver that is right otherwise.
type fault struct {
	rule   string // that is broken
	by     string // the case that finds it
	how    string
	breaks func(*driver)
}

// instead puts something before a handler: when it returns nothing, the call goes on.
func instead[Q, R any](next handler[Q, R], first func(*Q) (*R, error)) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		if response, err := first(r); response != nil || err != nil {
			return response, err
		}
		return next(ctx, r)
	}
}

// refuse is instead for a refusal: of the requests that when names.
func refuse[Q, R any](next handler[Q, R], code codes.Code, when func(*Q) bool) handler[Q, R] {
	return instead(next, func(r *Q) (*R, error) {
		if when(r) {
			return nil, status.Error(code, "refused by a fault")
		}
		return nil, nil
	})
}

// ask changes requests before the handler sees them: what the handler would refuse, it accepts.
func ask[Q, R any](next handler[Q, R], change func(*Q)) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		r, _ = proto.Clone(any(r).(proto.Message)).(any).(*Q)
		change(r)
		return next(ctx, r)
	}
}

// reply changes successful answers.
func reply[Q, R any](next handler[Q, R], change func(*Q, *R)) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		response, err := next(ctx, r)
		if err == nil {
			change(r, response)
		}
		return response, err
	}
}

// recode answers another code where the handler answers from.
func recode[Q, R any](next handler[Q, R], from, to codes.Code) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		response, err := next(ctx, r)
		if err != nil && status.Code(err) == from {
			err = status.Error(to, status.Convert(err).Message())
		}
		return response, err
	}
}

// forgive answers success where the handler answers the code.
func forgive[Q, R any](next handler[Q, R], code codes.Code, answer func(*Q) *R) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		response, err := next(ctx, r)
		if err != nil && status.Code(err) == code {
			return answer(r), nil
		}
		return response, err
	}
}

func nothing[Q, R any](*Q) *R { return new(R) }

// named is a driver's fault of its name.
func named(name string) func(*driver) { return func(d *driver) { d.ref.name = name } }

// seen remembers keys, and says whether it had one already. Safe for concurrent use.
type seen struct{ keys sync.Map }

func (s *seen) before(key string) bool {
	_, before := s.keys.LoadOrStore(key, true)
	return before
}

func (s *seen) has(key string) bool {
	_, ok := s.keys.Load(key)
	return ok
}

func (s *seen) forget(key string) { s.keys.Delete(key) }

// halfWay makes the first call for each name slow while calls are cut short: half has the names of those that were begun
// and not finished.
func halfWay[Q, R any](d *driver, half *seen, name func(*Q) string, next handler[Q, R]) handler[Q, R] {
	begun := &seen{}
	return func(ctx context.Context, r *Q) (*R, error) {
		if !d.in(cuts()...) || begun.before(name(r)) {
			return next(ctx, r)
		}
		half.before(name(r))
		if err := wait(ctx, slow); err != nil {
			return nil, err
		}
		half.forget(name(r))
		return next(ctx, r)
	}
}

// meeting lets parallel calls go on when all of them have come: a race as wide as it can be.
type meeting struct {
	mu         sync.Mutex
	come, want int
	all        chan struct{}
}

func newMeeting(want int) *meeting { return &meeting{want: want, all: make(chan struct{})} }

// meet says whether all have come. Calls one after another wait in vain, for a moment.
func (m *meeting) meet(ctx context.Context) bool {
	m.mu.Lock()
	m.come++
	if m.come == m.want {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return true
	case <-ctx.Done():
	case <-time.After(lonely):
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.come < m.want {
		m.come--
		return false
	}
	return true
}

// lonely is how long a call waits for others.
const lonely = 200 * time.Millisecond

func created(name string) *createR {
	return &createR{BucketId: idOf(name), BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{}}}
}

// keys are credentials that nobody else has.
func keys() map[string]*cosi.CredentialDetails {
	return map[string]*cosi.CredentialDetails{"s3": {Secrets: map[string]string{
		"endpoint": "https://s3.example.com", "region": "here", "accessKeyID": rand.Text(), "accessSecretKey": rand.Text(),
	}}}
}

// secrets is the only entry of an answer's credentials.
func secrets(r *grantR) map[string]string {
	for _, details := range r.GetCredentials() {
		return details.GetSecrets()
	}
	return nil
}

// Each fault is found by the case that the table names, and no other case fails or warns.
func TestEachFaultIsFoundByItsCaseAlone(t *testing.T) {
	t.Parallel()
	all := faults()
	lines := make([]string, len(all))
	t.Run("all", func(t *testing.T) {
		for i, f := range all {
			t.Run(f.rule+" "+f.how, func(t *testing.T) {
				t.Parallel()
				lines[i] = f.look(t)
			})
		}
	})
	t.Logf("%-10s %-18s %-9s %-14s %s\n%s", "rule", "found by", "outcome", "others failed", "fault", strings.Join(lines, "\n"))
}

// look holds the broken driver against the kit, and returns a line for the table.
func (f fault) look(t *testing.T) string {
	t.Helper()
	d := newDriver()
	f.breaks(d)
	_, conn := d.serve(t)
	report := cositest.Check(t.Context(), conn, d.config())
	found, others := cositest.Outcome("not found"), []string{}
	for _, r := range report.Results {
		switch {
		case r.Outcome != cositest.Failed && r.Outcome != cositest.Warned:
			if r.Name == f.by {
				t.Logf("%s: %s", r.Outcome, r.Reason)
			}
		case r.Name == f.by:
			found = r.Outcome
			t.Log(r.Reason)
		default:
			others = append(others, r.Name)
			t.Logf("%s %s: %s", r.Name, r.Outcome, r.Reason)
		}
	}
	for _, name := range consequences()[f.by+": "+f.how] {
		if i := slices.Index(others, name); i >= 0 {
			others = slices.Delete(others, i, i+1)
		} else {
			t.Errorf("%s is said to be a consequence, and is none", name)
		}
	}
	for _, name := range others {
		t.Errorf("%s fails or warns too", name)
	}
	want := cositest.Failed
	if slices.Contains(advice(), f.by) {
		want = cositest.Warned
	}
	if left := d.ref.left(); left != "" && leftOver(report) == "" && !f.hides() {
		t.Error("left in the store, and not reported:", left)
	}
	if found != want {
		t.Errorf("%s: %s, want %s", f.by, found, want)
	}
	if len(others) == 0 {
		others = []string{"none"}
	}
	return fmt.Sprintf("%-10s %-18s %-9s %-14s %s", f.rule, f.by, found, strings.Join(others, ","), f.how)
}

// consequences are the cases that find a fault beside the one that the table names: what they look at is broken as well.
func consequences() map[string][]string {
	return map[string][]string{
		// Every answer is OK and empty: so are those to requests that must be refused.
		"CREATE-5: a nil response": {"CREATE-2", "CREATE-7", "CREATE-8 unknown", "CREATE-9", "CREATE-13", "OUTAGE-1"},
		"GRANT-6: a nil response":  {"GRANT-7", "GRANT-1", "GRANT-2", "GRANT-3", "GRANT-13 unknown", "GRANT-11 conflict"},
		"GRANT-7: two entries":     {"GRANT-10"}, // the second one is for Azure, and has no token
		// The label rule of the next sidecar is in both.
		"INFO-6: an upper case letter":                             {"NEXT-2"},
		"INFO-6: a label that starts with a digit":                 {"NEXT-2"},
		"CREATE-3: another id":                                     {"NEXT-1"},
		"CREATE-3: INTERNAL":                                       {"CREATE-4"}, // instead of ALREADY_EXISTS
		"CREATE-5: one id for all":                                 {"GRANT-4"},  // this store finds no bucket by that id
		"GRANT-14: one account for a bucket":                       {"REVOKE-3", "REVOKE-8"},
		"GRANT-14: one key for everybody":                          {"REVOKE-3", "REVOKE-8", "ISOLATION-1"},
		"REVOKE-3: nothing is done":                                {"REVOKE-8", "OUTAGE-4"},
		"REVOKE-6: NOT_FOUND for any bucket that it does not know": {"REVOKE-7"},
		"NEXT-4: INVALID_ARGUMENT for a create":                    {"OUTAGE-1"},
		"NEXT-4: OUT_OF_RANGE for a grant":                         {"OUTAGE-3"},
	}
}

// advice are the cases that warn.
func advice() []string {
	return []string{
		"INFO-4", "INFO-6", "CREATE-8 unknown", "CREATE-9", "DELETE-3", "DELETE-6", "GRANT-9 region", "GRANT-12",
		"GRANT-13 unknown", "REVOKE-8", "GEN-3", "GEN-10", "OUTAGE-5", "NEXT-1", "NEXT-2", "NEXT-3", "NEXT-4",
	}
}

// Each case of the kit has a fault that it finds, and each rule that the kit can tell has one that breaks it.
func TestEachCaseAndRuleHasAFault(t *testing.T) {
	t.Parallel()
	found, broken := map[string]bool{}, map[string]bool{}
	for _, f := range faults() {
		found[f.by], broken[f.rule] = true, true
	}
	for _, c := range cositest.Cases() {
		if !found[c.Name] {
			t.Errorf("no fault is found by %s", c.Name)
		}
	}
	untold := []string{"GEN-1", "GEN-13", "GEN-14"}
	for _, r := range rules.All() {
		if broken[r.ID] == slices.Contains(untold, r.ID) {
			t.Errorf("%s: a fault breaks it: %t", r.ID, broken[r.ID])
		}
	}
}
