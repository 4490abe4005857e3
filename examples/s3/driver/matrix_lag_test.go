package driver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"google.golang.org/grpc/status"
)

// readLag is how a store's reads are behind its writes.
type readLag struct {
	kinds []string // the operations that are
	name  string
	last  bool // only behind the last write before the call, and behind its own; false: behind everything
	reads int  // how many show the state before a write
}

func (l readLag) behind() string {
	if l.last {
		return "last write"
	}
	return "all"
}

// bucketTags is the kind of read that calls about buckets depend on.
const bucketTags = "bucket tags"

// lagReads is how many reads are behind.
func lagReads() []int { return []int{1, 2, 5, 30} }

// lags lists them, for a call that is about buckets alone, or about users.
func lags(users bool) (list []readLag) {
	kinds := map[string][]string{bucketTags: {"GetBucketTagging"}}
	if users {
		kinds = map[string][]string{
			"user tags": {"ListUserTags"}, "users": {"GetUser"}, "keys": {"ListAccessKeys"}, "policies": {"ListUserPolicies"},
			"all of users": {"ListUserTags", "GetUser", "ListAccessKeys", "ListUserPolicies"},
		}
	}
	for _, name := range []string{bucketTags, "user tags", "users", "keys", "policies", "all of users"} {
		for _, last := range []bool{true, false} {
			for _, reads := range lagReads() {
				if kinds[name] != nil {
					list = append(list, readLag{kinds: kinds[name], name: name, last: last, reads: reads})
				}
			}
		}
	}
	return list
}

// changes lists what each kind of read depends on.
var changes = map[string][]string{
	"GetBucketTagging": {"CreateBucket", "DeleteBucket", "PutBucketTagging"},
	"ListUserTags":     {"CreateUser", "DeleteUser", "TagUser", "UntagUser"},
	"GetUser":          {"CreateUser", "DeleteUser"},
	"ListAccessKeys":   {"CreateUser", "DeleteUser", "CreateAccessKey", "DeleteAccessKey"},
	"ListUserPolicies": {"CreateUser", "DeleteUser", "PutUserPolicy", "DeleteUserPolicy"},
}

// past is what reads of one kind showed before each write, the oldest first.
type past []*version

type version struct {
	shown answer
	reads int // since the write
}

// laggard answers reads from the past.
type laggard struct {
	lag   readLag
	admin administrator
	name  string

	mu     sync.Mutex
	pasts  map[string]past
	serves bool // reads are answered from the past
	writes bool // writes become a part of it
}

func newLaggard(l readLag, w *world) *laggard {
	return &laggard{lag: l, admin: w.admin, name: w.name, pasts: map[string]past{}, writes: true}
}

// begin makes reads lag from now on.
func (l *laggard) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serves = true
	for kind, p := range l.pasts {
		if l.lag.last && len(p) > 1 {
			l.pasts[kind] = p[len(p)-1:]
		}
	}
}

// settle lets further writes show at once, behind those that do not show yet.
func (l *laggard) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = false
}

func (l *laggard) deal(q seen, rw http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reads(q.operation) {
		l.read(q, rw, r)
		return
	}
	before := map[string]answer{}
	for _, kind := range l.lag.kinds {
		if l.writes && slices.Contains(changes[kind], q.operation) {
			before[kind] = l.admin.look(r.Context(), kind, l.name, q.operation)
		}
	}
	a := q.answer(r)
	if a.status < http.StatusMultipleChoices {
		for kind, shown := range before {
			l.pasts[kind] = append(l.pasts[kind], &version{shown: shown})
		}
	}
	a.writeTo(rw)
}

// read answers with what was before the oldest write that does not show yet.
func (l *laggard) read(q seen, rw http.ResponseWriter, r *http.Request) {
	if l.serves {
		var shown *version
		for _, v := range l.pasts[q.operation] {
			if shown == nil && v.reads < l.lag.reads {
				shown = v
			}
			v.reads++
		}
		if shown != nil {
			shown.shown.writeTo(rw)
			return
		}
	}
	q.pass(rw, r)
}

// look returns how the store answers a read now. A bucket that is about to be made is shown without its tags: those may lag,
// the bucket does not.
func (a administrator) look(ctx context.Context, kind, name, write string) answer {
	c := &captor{}
	onIAM := func(o *iam.Options) { o.HTTPClient = c }
	switch kind {
	case "GetBucketTagging":
		if write == "CreateBucket" {
			return answer{
				status: http.StatusNotFound, header: http.Header{"Content-Type": {"application/xml"}},
				body: []byte("<Error><Code>NoSuchTagSet</Code><Message>no</Message></Error>"),
			}
		}
		_, _ = a.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name}, func(o *s3.Options) { o.HTTPClient = c })
	case "ListUserTags":
		_, _ = a.iam.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: &name}, onIAM)
	case "GetUser":
		_, _ = a.iam.GetUser(ctx, &iam.GetUserInput{UserName: &name}, onIAM)
	case "ListAccessKeys":
		_, _ = a.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &name}, onIAM)
	case "ListUserPolicies":
		_, _ = a.iam.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: &name}, onIAM)
	}
	return c.answer
}

// captor keeps the answer that passes through it.
type captor struct{ answer answer }

func (c *captor) Do(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	c.answer = answer{status: response.StatusCode, header: response.Header, body: body}
	return response, err
}

// lagging makes the call on a store whose reads lag in all ways, each time with another name.
func (m *matrix) lagging(t *testing.T, c sidecarCall) {
	t.Helper()
	w := m.world(t, c)
	defer w.wipe(context.WithoutCancel(t.Context()))
	for n, l := range lags(c.users) {
		if !picked(n) {
			continue
		}
		w.renew(t.Context())
		w.watch.forget()
		m.lagged(t, w, c, l)
	}
}

func (m *matrix) lagged(t *testing.T, w *world, c sidecarCall, l readLag) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*callTime)
	defer cancel()
	late := newLaggard(l, w)
	w.between(late.deal)
	prepare := c.prepare
	if c.lived != nil {
		prepare = c.lived
	}
	cell := fmt.Sprintf("%s, %s behind %s by %d reads", c.name, l.name, l.behind(), l.reads)
	if err := prepare(ctx, w); err != nil {
		t.Errorf("%s: cannot be prepared: %v", cell, err)
		return
	}
	w.between(late.deal) // a preparation may have gone between itself
	if c.fresh {
		w.restart()
	}
	before := w.delivered
	w.log.reset()
	w.watch.tries()
	late.begin()
	err := c.make(ctx, w)
	tries, _ := w.watch.tries()
	late.settle()
	m.record(lagKey(c, l), err)
	wrong := m.after(ctx, w, c, before, err, tries, l.reads*len(l.kinds)+mostRepeats) // a call may end with its first read
	if text := judge(ruleOfLag(l), err); text != "" {
		wrong = append(wrong, text)
	}
	m.report(t, cell, wrong)
}

func lagKey(c sidecarCall, l readLag) string {
	return fmt.Sprintf("%s|%s|%s|%d", c.name, l.name, l.behind(), l.reads)
}

func (m *matrix) record(key string, err error) {
	m.count.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes[key] = name(status.Code(err))
}
