package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// fakeStore is the part of Blob Storage that the driver uses, in this process. Its reads lag, its answers get lost, and
// requests are under way for long, all as its seed decides. It runs in the time of a synctest bubble.
type fakeStore struct {
	mu     sync.Mutex
	now    map[string]*fakeContainer   // by name
	before []map[string]*fakeContainer // what reads that lag show, the last one last

	trace  []string
	secret string // what foreign answers hold
	watch  func() // looks at each change
}

// fakeContainer is never changed: a change makes another.
type fakeContainer struct {
	changed  time.Time
	metadata map[string]string
	policies []fakePolicy
	blobs    int
}

type fakePolicy struct {
	ID           string `xml:"Id"`
	AccessPolicy struct {
		Start      string `xml:"Start"`
		Expiry     string `xml:"Expiry"`
		Permission string `xml:"Permission"`
	} `xml:"AccessPolicy"`
}

type fakeList struct {
	XMLName xml.Name     `xml:"SignedIdentifiers"`
	List    []fakePolicy `xml:"SignedIdentifier"`
}

// has says whether the container has the policy, which is whether the account's signature works. The caller holds mu.
func (s *fakeStore) has(bucket, account string) bool {
	c := s.now[bucket]
	return c != nil && slices.ContainsFunc(c.policies, func(each fakePolicy) bool { return each.ID == account })
}

func (s *fakeStore) note(format string, args ...any) {
	s.trace = append(s.trace, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// change stores another version of a container, and keeps the older ones for reads that lag.
func (s *fakeStore) change(name string, c *fakeContainer) {
	const kept = 30
	s.before = append(s.before, maps.Clone(s.now))
	if len(s.before) > kept {
		s.before = s.before[1:]
	}
	if c == nil {
		delete(s.now, name)
	} else {
		s.now[name] = c
	}
	s.watch()
}

// errLost is what a client sees of a connection that ends.
var errLost = errors.New("connection reset by peer")

// dice decide. Who goes on while somebody else does has dice of his own, so that a seed always means the same.
type dice struct{ random *rand.Rand }

func throw(seed uint64, who string) dice {
	name := fnv.New64a()
	_, _ = io.WriteString(name, who)
	return dice{rand.New(rand.NewPCG(seed, name.Sum64()))}
}

// another is for somebody who begins now.
func (d dice) another() dice {
	return dice{rand.New(rand.NewPCG(d.random.Uint64(), d.random.Uint64()))}
}

// chance is true in so many of a hundred cases.
func (d dice) chance(percent int) bool { return d.random.IntN(100) < percent }

func (d dice) upTo(most time.Duration) time.Duration {
	return time.Duration(d.random.Int64N(int64(most)))
}

// fakeClient is one driver's way to the store, and what happens to requests on it.
type fakeClient struct {
	*fakeStore
	dice

	who string
}

// mayDie ends the driver in the middle of its call, as a kill does.
func (c *fakeClient) mayDie(when, sent string) {
	if c.chance(2) {
		c.log("%s dies %s %q", c.who, when, sent)
		runtime.Goexit()
	}
}

func (c *fakeClient) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	q, _ := requestOf(r)
	name := strings.TrimPrefix(r.URL.Path, "/acme/")
	c.mayDie("before", q.name)
	delay := c.upTo(40 * time.Millisecond)
	switch {
	case c.chance(4):
		c.log("%s: %q is lost", c.who, q.name)
		return nil, errLost
	case c.chance(4):
		return c.foreign(r, q.name)
	case c.chance(4) && q.name != "create container": // a late create has no condition, as README.md says
		return c.late(r, q, name, body)
	}
	time.Sleep(delay)
	response := c.serve(r, q, name, body)
	c.mayDie("after", q.name)
	if c.chance(4) {
		c.log("%s: the answer to %q is lost", c.who, q.name)
		return nil, errLost
	}
	return response, nil
}

// late is a request that is under way for so long that its driver may have given up, or is gone, when it arrives.
func (c *fakeClient) late(r *http.Request, q request, name string, body []byte) (*http.Response, error) {
	delay := c.upTo(time.Minute)
	c.log("%s: %q is under way for %v", c.who, q.name, delay)
	arrived := make(chan *http.Response, 1)
	other := &fakeClient{c.fakeStore, c.another(), c.who + ", late"}
	go func() {
		time.Sleep(delay)
		arrived <- other.serve(r, q, name, body) //nolint:bodyclose // there is no connection
	}()
	select {
	case response := <-arrived:
		return response, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (s *fakeStore) log(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(format, args...)
}

// foreign is an answer of somebody who stands in the store's place.
func (c *fakeClient) foreign(r *http.Request, sent string) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	echo := "<html>" + r.Header.Get("Authorization") + " " + c.secret + "</html>"
	answers := []*http.Response{
		fakeAnswer(200, nil, echo), fakeAnswer(200, nil, ""), fakeAnswer(201, nil, ""), fakeAnswer(202, nil, "{}"),
		fakeAnswer(404, nil, "<html><Code>ContainerNotFound</Code>"+echo), fakeAnswer(302, http.Header{"Location": {"http://elsewhere.example.com/"}}, ""),
		fakeAnswer(403, nil, echo), fakeAnswer(429, http.Header{"Retry-After": {"1"}}, ""), fakeAnswer(502, nil, echo),
		fakeFailure(503, "ServerBusy"), fakeFailure(500, "InternalError"), fakeFailure(409, "ContainerHasLegalHold"),
	}
	answer := answers[c.random.IntN(len(answers))]
	c.note("%s: %q is answered %d by somebody", c.who, sent, answer.StatusCode)
	return answer, nil
}

func fakeAnswer(status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func fakeFailure(status int, code string) *http.Response {
	return fakeAnswer(status, http.Header{headerErrorCode: {code}, "X-Ms-Version": {sasVersion}}, "")
}

// serve is the store's work.
func (c *fakeClient) serve(r *http.Request, q request, name string, body []byte) *http.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	response := c.do(r, q, name, body)
	c.note("%s: %q of %s is %d %s", c.who, q.name, name, response.StatusCode, response.Header.Get(headerErrorCode))
	return response
}

func (c *fakeClient) do(r *http.Request, q request, name string, body []byte) *http.Response {
	truth := c.now[name]
	second := time.Now().UTC().Truncate(time.Second)
	conditional := func() bool {
		since, err := http.ParseTime(r.Header.Get("If-Unmodified-Since"))
		return err == nil && truth.changed.After(since)
	}
	if r.Method == http.MethodGet {
		return c.read(q, name)
	}
	switch {
	case q.name == "create container":
		if truth != nil {
			return fakeFailure(409, "ContainerAlreadyExists")
		}
		made := &fakeContainer{changed: second, metadata: map[string]string{}}
		for header, values := range r.Header {
			if lower := strings.ToLower(header); strings.HasPrefix(lower, "x-ms-meta-") {
				made.metadata[header] = values[0]
			}
		}
		c.change(name, made)
		return fakeAnswer(q.success, made.header(second), "")
	case truth == nil:
		return fakeFailure(404, "ContainerNotFound")
	case q.name == proveAbsence:
		return fakeFailure(409, "LeaseIdMismatchWithLeaseOperation")
	case conditional():
		return fakeFailure(412, "ConditionNotMet")
	case q.name == "delete container":
		c.change(name, nil)
		return fakeAnswer(q.success, http.Header{"X-Ms-Version": {sasVersion}, "Date": {second.Format(http.TimeFormat)}}, "")
	}
	var list fakeList
	if err := xml.NewDecoder(bytes.NewReader(body)).Decode(&list); err != nil {
		return fakeFailure(400, "InvalidXmlDocument")
	}
	made := &fakeContainer{changed: second, metadata: truth.metadata, policies: list.List, blobs: truth.blobs}
	c.change(name, made)
	return fakeAnswer(q.success, made.header(second), "")
}

// read answers from now, or from how it was some changes ago.
func (c *fakeClient) read(q request, name string) *http.Response {
	second, seen := time.Now().UTC().Truncate(time.Second), c.now
	if n := len(c.before); n > 0 && q.comp != "list" && c.chance(25) { // README.md: lists of blobs must be current
		back := 1 + c.random.IntN(n)
		seen = c.before[n-back]
		c.note("the next read is %d changes old", back)
	}
	found := seen[name]
	if found == nil {
		return fakeFailure(404, "ContainerNotFound")
	}
	header, text := found.header(second), ""
	switch q.comp {
	case "acl":
		out, _ := xml.Marshal(fakeList{List: found.policies})
		text = string(out)
	case "list":
		text = "<EnumerationResults><Blobs>" + strings.Repeat("<Blob><Name>b</Name></Blob>", found.blobs) + "</Blobs><NextMarker/></EnumerationResults>"
	default:
		for name, value := range found.metadata {
			header.Set(name, value)
		}
	}
	return fakeAnswer(q.success, header, text)
}

func (c *fakeContainer) header(now time.Time) http.Header {
	return http.Header{
		"X-Ms-Version": {sasVersion}, "Date": {now.Format(http.TimeFormat)}, "Etag": {`"0x1"`},
		"Last-Modified": {c.changed.Format(http.TimeFormat)},
	}
}
