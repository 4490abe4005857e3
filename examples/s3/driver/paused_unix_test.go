//go:build unix

package driver_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestPausedLeader stops a driver's process within each call, before each of its requests and after the last one. Meanwhile
// another process makes the same call and goes on with the life of the bucket. Then the first one wakes, and its call goes on.
//
// No store can know that a creation is an old one: a create whose bucket was deleted meanwhile makes it again, and so does a
// grant with an account that was revoked. That is expected where the creation had not reached the store, and nowhere else.
func TestPausedLeader(t *testing.T) {
	t.Parallel()
	store := gatewaySite(embedded)
	leading := newProcess(t, store)
	leading.start(t)
	leader := callerOn(leading.dial(t))
	var total pausedTally
	t.Run("calls", func(t *testing.T) {
		for i, p := range pausedCalls() {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				between, s := behindProxy(t, store.Store)
				paused := leading.beside(t, "S3_ENDPOINT="+s.Endpoint, "S3_IAM_ENDPOINT="+s.IAMEndpoint, "S3_CLIENT_ENDPOINT="+store.Endpoint)
				paused.start(t)
				l := &leash{process: paused, proxy: between, caller: callerOn(paused.dial(t))}
				for j, then := range p.then {
					p.everywhere(t, func(name string) *pausedLife {
						return &pausedLife{
							t: t, bucket: fmt.Sprintf("paused-%d-%d-%s", i, j, name), old: l, leader: leader, admin: store.administrator,
							call: p, then: then, tally: &total,
						}
					})
				}
			})
		}
	})
	buckets, users, err := store.administrator.everything(t.Context(), "paused-")
	if err != nil || len(buckets)+len(users) > 0 {
		t.Errorf("left over are the buckets %v and the users %v, %v", buckets, users, err)
	}
	t.Logf("%d pauses within a call; awake, %d calls were OK and %d an error: %v; %d accounts got a second key; "+
		"%d creations came after the end of what they make, and were undone by a repeat; nothing is left over",
		total.pauses, total.ok, total.pauses-total.ok, total.codes, total.twoKeys, total.late)
	if total.pauses < 80 || total.late == 0 || total.twoKeys == 0 {
		t.Error("that is too little to say anything")
	}
}

type pausedTally struct {
	mu                        sync.Mutex
	pauses, ok, late, twoKeys int
	codes                     map[codes.Code]int
}

func (t *pausedTally) add(err error, late, twoKeys bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pauses++
	if t.codes == nil {
		t.codes = map[codes.Code]int{}
	}
	if err == nil {
		t.ok++
	} else {
		t.codes[status.Code(err)]++
	}
	if late {
		t.late++
	}
	if twoKeys {
		t.twoKeys++
	}
}

// pausedCall is a call in the middle of which its process is paused, and what went before and comes meanwhile.
type pausedCall struct {
	name    string
	before  []lifeStep
	call    lifeStep
	then    [][]lifeStep // by the leader; each in a life of its own
	classes map[string]string
}

func pausedCalls() []pausedCall {
	made := []lifeStep{createIt}
	granted := []lifeStep{createIt, grantIt}
	versions := map[string]string{"versioning": "true", "emptyOnDelete": "true"}
	afterGrant := [][]lifeStep{{grantIt}, {grantIt, revokeIt, deleteIt}}
	afterRevoke := [][]lifeStep{{revokeIt}, {revokeIt, deleteIt}}
	return []pausedCall{
		{name: "grant after half a grant", before: []lifeStep{createIt, loseKey}, call: grantIt, then: afterGrant},
		{name: "create", call: createIt, then: [][]lifeStep{{createIt}, {createIt, grantIt}, {createIt, grantIt, revokeIt, deleteIt}}},
		{name: "create with versions", call: createIt, then: [][]lifeStep{{createIt, grantIt}, {createIt, deleteIt}}, classes: versions},
		{name: "grant", before: made, call: grantIt, then: append(afterGrant, []lifeStep{grantIt, revokeIt})},
		{name: "grant again", before: granted, call: grantIt, then: afterGrant},
		{name: "revoke", before: granted, call: revokeIt, then: afterRevoke},
		{name: "revoke after half a grant", before: []lifeStep{createIt, loseKey}, call: revokeIt, then: afterRevoke},
		{name: "revoke of its own grant", before: []lifeStep{createIt, grantByOld}, call: revokeIt, then: afterRevoke},
		{name: "delete", before: made, call: deleteIt, then: [][]lifeStep{{deleteIt}, {deleteIt, makeForeign}}},
		{name: "delete with content", before: []lifeStep{createIt, fillIt}, call: deleteIt, then: [][]lifeStep{{deleteIt}}, classes: versions},
	}
}

// everywhere lives a life for each request of the call, and for the moment after the last one. Whether the process is paused when
// it has read an answer, or before it sends the next request, is the same to everybody else.
func (p pausedCall) everywhere(t *testing.T, newLife func(name string) *pausedLife) {
	t.Helper()
	for request := 1; !t.Failed(); request++ {
		if !newLife(fmt.Sprint(request)).live(request, false) {
			newLife("last").live(request-1, true)
			return
		}
	}
}

// pausedLife is the life of a bucket and an account whose process is paused once.
type pausedLife struct {
	t           *testing.T
	bucket      string
	call        pausedCall
	then        []lifeStep
	old         *leash
	leader      caller
	admin       administrator
	tally       *pausedTally
	made        bool // the bucket, and not deleted
	granted     bool // the account, and not revoked
	foreign     bool // somebody else made a bucket of that name
	late        bool // the call that woke made what had ended
	revoked     []map[string]string
	delivered   []map[string]string
	description string
}

// account has the bucket's name.
func (l *pausedLife) account() string { return l.bucket }

// live says whether the call had so many requests.
func (l *pausedLife) live(request int, after bool) (paused bool) {
	l.description = fmt.Sprintf("%s, paused at request %d (the store has it: %t), then %s", l.call.name, request, after, namesOf(l.then))
	for _, s := range l.call.before {
		l.lead(s)
	}
	stop := l.old.at(request, after)
	defer l.old.free()
	var woken error
	ended := make(chan struct{})
	go func() { // what it notes, only a call that has ended notes
		defer close(ended)
		woken = l.call.call.do(l.t.Context(), l, l.old.caller)
	}()
	select {
	case <-ended: // before that request
		l.noteSuccess(woken)
		l.end()
		return false
	case err := <-stop.reached:
		l.must(err)
	}
	for _, s := range l.then {
		l.lead(s)
	}
	l.must(l.old.process.wake())
	close(stop.resume)
	<-ended
	l.judge(woken, stop)
	l.check()
	l.tally.add(woken, l.late, l.granted && l.keys() > 1)
	l.end()
	return true
}

func namesOf(steps []lifeStep) string {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

func (l *pausedLife) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatalf("%s: %v", l.description, err)
	}
}

func (l *pausedLife) fault(format string, args ...any) {
	l.t.Helper()
	l.t.Errorf("%s: %s", l.description, fmt.Sprintf(format, args...))
}

// lead takes a step of the life with the leader, and checks what was promised.
func (l *pausedLife) lead(s lifeStep) {
	l.t.Helper()
	if err := s.do(l.t.Context(), l, l.leader); err != nil {
		l.t.Fatalf("%s: %s: %v", l.description, s.name, err)
	}
	s.done(l)
	l.check()
}

func (l *pausedLife) noteSuccess(err error) {
	l.must(err)
	l.call.call.done(l)
	l.check()
}

// judge looks at what the call that woke did and answered.
func (l *pausedLife) judge(woken error, stop *stop) {
	create, grant := l.call.call.name == createIt.name && !l.made, l.call.call.name == grantIt.name && !l.granted
	unknown := grant && !l.made && !stop.started() // it looks for the bucket first
	l.late = (create || grant) && !unknown && !stop.created
	allowed := []codes.Code{codes.OK, codes.Aborted}
	switch {
	case l.late:
		allowed = []codes.Code{codes.OK}
		l.call.call.done(l)
	case unknown:
		allowed = []codes.Code{codes.NotFound}
	case grant && stop.sentMore(): // what it would deliver is gone
		allowed = []codes.Code{codes.Aborted}
	case l.foreign:
		allowed = append(allowed, codes.FailedPrecondition)
	}
	if !slices.Contains(allowed, status.Code(woken)) {
		l.fault("the call that woke answers %v, want one of %v", woken, allowed)
	}
}

// check holds the store against what calls were answered.
func (l *pausedLife) check() {
	l.t.Helper()
	ctx := l.t.Context()
	there, err := l.admin.exists(ctx, l.bucket)
	l.must(err)
	if there != (l.made || l.foreign) {
		l.fault("the bucket is there: %t, want %t", there, !there)
	}
	if l.foreign {
		_, err := get(ctx, l.admin.s3, l.bucket, "theirs")
		l.must(err)
	}
	_, users, err := l.admin.everything(ctx, l.account())
	l.must(err)
	if known := slices.Contains(users, l.account()); known != l.granted {
		l.fault("the account is there: %t, want %t", known, !known)
	}
	if l.granted && there {
		for _, secrets := range l.delivered {
			if err := list(ctx, plainClient(secrets), l.bucket); err != nil {
				l.fault("a key that was delivered does not work: %v", err)
			}
		}
	}
	for _, secrets := range l.revoked {
		if err := list(ctx, plainClient(secrets), l.bucket); err == nil || !refused(err) {
			l.fault("a key that was revoked is answered with %v, want a refusal", err)
		}
	}
}

func refused(err error) bool {
	return denied(err) || strings.Contains(err.Error(), "InvalidAccessKeyId")
}

func (l *pausedLife) keys() int { return len(l.admin.keys(l.t, l.account())) }

// end lives the rest with the leader. What a late creation made goes with a repeat.
func (l *pausedLife) end() {
	if l.granted {
		l.lead(revokeIt)
	}
	if l.made {
		l.lead(deleteIt)
	}
	if l.foreign {
		ctx := l.t.Context()
		l.must(remove(ctx, l.admin.s3, l.bucket, "theirs"))
		l.must(l.admin.removeBucket(ctx, l.bucket))
	}
}

// lifeStep is a call of a life, or what somebody else does between two.
type lifeStep struct {
	name string
	do   func(context.Context, *pausedLife, caller) error
	done func(*pausedLife)
}

var (
	createIt = lifeStep{
		"create", func(ctx context.Context, l *pausedLife, c caller) error {
			return c.tryCreate(ctx, l.bucket, l.call.classes)
		},
		func(l *pausedLife) { l.made = true },
	}
	grantIt = lifeStep{"grant", func(ctx context.Context, l *pausedLife, c caller) error {
		response, err := c.tryGrant(ctx, l.bucket, l.account(), nil)
		if err == nil {
			l.delivered = append(l.delivered, secretsOf(response.GetCredentials()))
		}
		return err
	}, func(l *pausedLife) { l.granted = true }}
	grantByOld = lifeStep{"grant", func(ctx context.Context, l *pausedLife, _ caller) error { return grantIt.do(ctx, l, l.old.caller) }, grantIt.done}
	revokeIt   = lifeStep{
		"revoke", func(ctx context.Context, l *pausedLife, c caller) error {
			return c.tryRevoke(ctx, l.bucket, l.account())
		},
		func(l *pausedLife) {
			l.granted = false
			l.revoked, l.delivered = append(l.revoked, l.delivered...), nil
		},
	}
	deleteIt = lifeStep{
		"delete", func(ctx context.Context, l *pausedLife, c caller) error {
			return c.tryDelete(ctx, l.bucket, l.call.classes)
		},
		func(l *pausedLife) { l.made = false },
	}
	fillIt = lifeStep{"fill", func(ctx context.Context, l *pausedLife, _ caller) error {
		for n := range 3 {
			if err := put(ctx, l.admin.s3, l.bucket, fmt.Sprint("object ", n), "content"); err != nil {
				return err
			}
		}
		return nil
	}, func(*pausedLife) {}}
	// makeForeign makes a bucket of that name for somebody else.
	makeForeign = lifeStep{"somebody else's creation", func(ctx context.Context, l *pausedLife, _ caller) error {
		if err := l.admin.makeForeign(ctx, l.bucket); err != nil {
			return err
		}
		return put(ctx, l.admin.s3, l.bucket, "theirs", "content")
	}, func(l *pausedLife) { l.foreign = true }}
	// loseKey leaves what a grant does that ends after its key was made.
	loseKey = lifeStep{
		"half a grant", func(ctx context.Context, l *pausedLife, _ caller) error { return l.old.loseKey(ctx, l) },
		func(l *pausedLife) { l.granted = true },
	}
)
