package driver_test

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/doomshrine/gocosi/examples/s3/internal/fake"
)

// trouble is how a store and a cluster behave during one phase of a life.
type trouble struct {
	on                           bool
	fault, kill, timeout, change float64 // the chance of each, at a request
	patience                     int     // how many calls may fail before the store becomes healthy
	lags                         [len(lagKinds)]lag
}

var lagKinds = [...]fake.Kind{fake.Users, fake.User, fake.Keys, fake.Policies, fake.Buckets, fake.BucketTags, fake.Bucket}

// lag is how late the reads of a kind are.
type lag struct {
	most  int  // writes
	fixed bool // always so late, or up to that
}

func (l *life) newTrouble() trouble {
	t := trouble{on: !l.maybe(0.1), patience: 1 + l.chance.IntN(6)}
	if !t.on || l.plan.drops && !l.plan.later && !l.bucket.made {
		t.on = false // a bucket without tags that a dead driver has left can be anybody's
		return t
	}
	some := func(often float64, sizes ...float64) float64 {
		if l.maybe(often) {
			return sizes[l.chance.IntN(len(sizes))]
		}
		return 0
	}
	t.fault = some(0.5, 0.03, 0.1, 0.3)
	t.kill = some(0.4, 0.02, 0.08, 0.2)
	t.timeout = some(0.2, 0.02, 0.08)
	t.change = some(0.5, 0.03, 0.1, 0.25)
	reads := l.maybe(0.3)
	l.store.Lags = fake.Lags{}
	if l.maybe(0.6) && !l.plan.drops { // nothing tells what is late from what was dropped
		for i, kind := range lagKinds {
			if l.maybe(0.5) {
				t.lags[i] = lag{most: 1 + l.chance.IntN(12), fixed: l.maybe(0.4)}
			}
			if reads && l.maybe(0.5) {
				l.store.Lags[kind].Reads = 1 + l.chance.IntN(30)
				t.lags[i].most = -1
			}
		}
	}
	return t
}

// age says how late the next read of a kind is.
func (l *life) age(k fake.Kind) int {
	if !l.trouble.on {
		return 0
	}
	late := 0
	switch lag := l.trouble.lags[k]; {
	case lag.most < 0:
		return -1 // as the store's Lags say
	case lag.fixed:
		late = lag.most
	case lag.most > 0:
		late = l.chance.IntN(lag.most + 1)
	}
	if late > 0 {
		l.tally.stale++
	}
	return late
}

// before decides what becomes of a request before the store acts.
func (l *life) before(r *fake.Request) *fake.Answer {
	c, t := l.acting, &l.trouble
	if !t.on {
		return nil
	}
	switch {
	case l.maybe(t.kill / 2):
		l.told(r, "driver is killed before it")
		l.kill(c.process)
		return &fake.Answer{Err: context.Canceled}
	case l.maybe(t.timeout / 2):
		return l.giveUp(r, "its caller goes before it")
	case l.maybe(t.fault / 2):
		f := faults[l.chance.IntN(len(faults))]
		return l.spoil(r, f, "before it", f.answer(r, nil))
	}
	if r.Operation == "DeleteObjects" {
		l.hinder(r)
	}
	return nil
}

// after decides what becomes of the answer.
func (l *life) after(r *fake.Request, a *fake.Answer) *fake.Answer {
	c, t := l.acting, &l.trouble
	if r.Operation == "DeleteObjects" {
		l.unhinder(r)
	}
	if t.on {
		switch {
		case l.maybe(t.kill / 2):
			l.told(r, "driver is killed after it")
			l.kill(c.process)
			return &fake.Answer{Err: context.Canceled}
		case l.maybe(t.timeout / 2):
			return l.giveUp(r, "its caller goes after it")
		case l.maybe(t.fault / 2):
			f := lost[l.chance.IntN(len(lost))]
			return l.spoil(r, f, "after it", f.answer(r, a))
		}
	}
	l.told(r, said(a))
	return nil
}

// said is the status of an answer, and the code of an error.
func said(a *fake.Answer) string {
	text := http.StatusText(a.Status)
	if _, rest, found := strings.Cut(a.Body, "<Code>"); found {
		code, _, _ := strings.Cut(rest, "<")
		text += " " + code
	}
	return text
}

func (l *life) told(r *fake.Request, what string) {
	l.tell("call %d to driver %d: %s %s %s%s: %s", l.acting.number, l.acting.process.number, r.Operation, r.Name,
		r.Values.Get("AccessKeyId"), tagsToldOf(r), what)
}

// tagsToldOf returns the names of the tags in a request.
func tagsToldOf(r *fake.Request) (names string) {
	for key, values := range r.Values {
		if r.Operation == "TagUser" && strings.HasSuffix(key, ".Key") && strings.HasPrefix(values[0], "cosi/key/") {
			names += values[0]
		}
	}
	return names
}

// giveUp ends a call whose caller waits no longer. The driver lives on.
func (l *life) giveUp(r *fake.Request, when string) *fake.Answer {
	l.told(r, when)
	l.tally.timeouts++
	l.acting.cancelled = true
	l.acting.cancel()
	return &fake.Answer{Err: context.Canceled}
}

func (l *life) spoil(r *fake.Request, f fault, when string, a *fake.Answer) *fake.Answer {
	l.told(r, f.name+" "+when)
	l.tally.faults++
	l.acting.faults++
	return a
}

// hinder lets one object of many be refused, or somebody write into a bucket that is being emptied.
func (l *life) hinder(r *fake.Request) {
	switch {
	case l.maybe(0.1):
		_, rest, _ := strings.Cut(string(r.Body), "<Key>")
		key, _, _ := strings.Cut(rest, "<")
		code := []string{"SlowDown", "InternalError", "AccessDenied"}[l.chance.IntN(3)]
		l.acting.faults++
		l.hindered = key
		l.store.Protect(r.Name, key, code)
	case l.maybe(0.1) && l.plan.objects > 0:
		l.plan.objects--
		l.acting.faults++
		l.putSomething()
	}
}

func (l *life) unhinder(r *fake.Request) {
	l.store.Protect(r.Name, l.hindered, "")
}

// fault is what comes in the place of the store's answer. The second argument is that answer, if the store has acted.
type fault struct {
	name   string
	answer func(*fake.Request, *fake.Answer) *fake.Answer
}

func fixed(status int, kind, body string, header ...string) func(*fake.Request, *fake.Answer) *fake.Answer {
	return func(*fake.Request, *fake.Answer) *fake.Answer {
		h := http.Header{"Content-Type": {kind}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &fake.Answer{Status: status, Header: h, Body: body}
	}
}

func broken(err error) func(*fake.Request, *fake.Answer) *fake.Answer {
	return func(*fake.Request, *fake.Answer) *fake.Answer { return &fake.Answer{Err: err} }
}

func refusal(status int, code string) func(*fake.Request, *fake.Answer) *fake.Answer {
	return func(r *fake.Request, _ *fake.Answer) *fake.Answer { return fake.Refuse(r, status, code) }
}

// cutShort ends an answer in its middle.
func cutShort(_ *fake.Request, a *fake.Answer) *fake.Answer {
	short := *a
	if short.Body = a.Body[:len(a.Body)*2/3]; a.Body == "" {
		return &fake.Answer{Err: io.ErrUnexpectedEOF}
	}
	return &short
}

const (
	page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
	html = "text/html; charset=utf-8"
)

// lost are faults that come after the store has acted, and faults also those that keep it from acting.
var (
	lost = []fault{
		{"connection reset", broken(io.ErrUnexpectedEOF)},
		{"200 with HTML", fixed(http.StatusOK, html, page)},
		{"200 with JSON", fixed(http.StatusOK, "application/json", `{"status":"ok"}`)},
		{"200 with nothing", fixed(http.StatusOK, "", "")},
		{"200 with other XML", fixed(http.StatusOK, "text/xml", "<ok/>")},
		{"truncated answer", cutShort},
		{"408", fixed(http.StatusRequestTimeout, html, page)},
		{"500", fixed(http.StatusInternalServerError, "", "")},
		{"500 InternalError", refusal(http.StatusInternalServerError, "InternalError")},
		{"502 with HTML", fixed(http.StatusBadGateway, html, page)},
		{"504 with HTML", fixed(http.StatusGatewayTimeout, html, page)},
	}
	faults = append([]fault{
		{"204 with nothing", fixed(http.StatusNoContent, "", "")},
		{"301", fixed(http.StatusMovedPermanently, html, page, "Location", "https://elsewhere/")},
		{"302", fixed(http.StatusFound, html, page, "Location", "https://elsewhere/")},
		{"307", fixed(http.StatusTemporaryRedirect, html, page, "Location", "https://elsewhere/")},
		{"401 without a code", fixed(http.StatusUnauthorized, html, page)},
		{"403 without a code", fixed(http.StatusForbidden, "", "")},
		{"403 AccessDenied", refusal(http.StatusForbidden, "AccessDenied")},
		{"404 with HTML", fixed(http.StatusNotFound, html, page)},
		{"404 with nothing", fixed(http.StatusNotFound, "", "")},
		{"409 OperationAborted", refusal(http.StatusConflict, "OperationAborted")},
		{"409 ConcurrentModification", refusal(http.StatusConflict, "ConcurrentModification")},
		{"409 EntityTemporarilyUnmodifiable", refusal(http.StatusConflict, "EntityTemporarilyUnmodifiable")},
		{"429", fixed(http.StatusTooManyRequests, html, page)},
		{"429 with Retry-After", fixed(http.StatusTooManyRequests, "", "", "Retry-After", "2")},
		{"400 Throttling", refusal(http.StatusBadRequest, "Throttling")},
		{"503 SlowDown", refusal(http.StatusServiceUnavailable, "SlowDown")},
		{"503 with Retry-After", fixed(http.StatusServiceUnavailable, html, page, "Retry-After", "1")},
	}, lostWithoutAnswer()...)
)

// lostWithoutAnswer are those of lost that need no answer of the store's.
func lostWithoutAnswer() (list []fault) {
	for _, f := range lost {
		if f.name != "truncated answer" {
			list = append(list, f)
		}
	}
	return list
}
