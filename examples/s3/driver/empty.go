package driver

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// empty deletes every object of a bucket, with its versions, and ends uploads under way. What a deadline leaves over is for
// the next call.
func (p *provisioner) empty(ctx context.Context, bucket string) error {
	all := []contents{&objects{s3: p.s3, bucket: bucket}, &uploads{s3: p.s3, bucket: bucket}}
	if p.settings.Store == Ceph { // which ends uploads with the bucket, and lists them in a form that says not what it is
		all = all[:1]
	}
	for _, c := range all {
		e := emptying{contents: c, pace: p.pace, tried: map[item]refusal{}}
		if err := e.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// contents is one kind of what is in a bucket: see objects and uploads.
type contents interface {
	noun() string // one of them
	verb() string // what is done to it
	// list returns a page of what is there, from a place on.
	list(ctx context.Context, from place) (page, error)
	// batch returns a request that deletes many of the items, which may leave out an answer that is to be asked for again;
	// nil: each of them needs a request of its own.
	batch(items []item) func(context.Context) (map[item]refusal, error)
	// deleteOne asks for the deletion of one item; one that is gone is a success.
	deleteOne(ctx context.Context, i item) error
}

// item is a version of an object, a delete marker, or an upload.
type item struct {
	key, id string
	other   string // another reading of the key, where the list allows two; "": none
}

// place is where a page of a list begins.
type place struct{ key, id string }

type page struct {
	items []item
	more  bool
	next  place // where it goes on, if there is more
}

// refusal is the store's answer that an item cannot be deleted, as an error that says what was tried; nil: none.
type refusal func(trying string) error

// The bounds of a store that gets nowhere: requests without progress, deletions of single items between two looks at the
// list, and the pauses that a list is given to show what was deleted.
const (
	maxIdle    = 50
	maxSingles = 20
	firstPause = 20 * time.Millisecond
	lastPause  = 160 * time.Millisecond
)

// emptying deletes what a list shows. It looks at the same page until nothing is left there that can be deleted: not every
// store finds its way from a place that is gone. Progress is what the list no longer shows; a store's answer that something
// is deleted is none. It remembers one page, however many there are.
type emptying struct {
	contents
	pace    pace
	from    place
	page    page
	tried   map[item]refusal // what was asked for, of the page
	passed  refused          // what was left behind on earlier pages
	seen    bool             // the list had something in it since its beginning
	idle    int              // requests since the last progress
	pause   time.Duration    // the last one since then
	insists int              // how often an item was asked for again
}

// refused is the first of the items that the store refuses to delete, and how many there are.
type refused struct {
	first item
	why   refusal
	count int
}

func (e *emptying) run(ctx context.Context) error {
	for done := false; !done; {
		err := e.look(ctx)
		if err == nil {
			done, err = e.step(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// look lists the page, and notes what is gone from it.
func (e *emptying) look(ctx context.Context) (err error) {
	if err := e.spend(); err != nil {
		return err
	}
	if e.page, err = e.list(ctx, e.from); err != nil {
		return err
	}
	listed := make(map[item]bool, len(e.page.items))
	for _, i := range e.page.items {
		listed[i] = true
		e.seen = true
	}
	before := len(e.tried)
	for i := range e.tried {
		if !listed[i] {
			delete(e.tried, i)
		}
	}
	if len(e.tried) < before && (len(listed) > 0 || !e.page.more) {
		e.idle, e.pause = 0, 0
	}
	return nil
}

// step does the next thing about the page. It returns true when the list is empty.
func (e *emptying) step(ctx context.Context) (done bool, err error) {
	untried, lingering, busy := e.sort()
	switch {
	case len(untried) > 0:
		return false, e.remove(ctx, untried)
	case len(busy) > 0:
		if err := e.wait(ctx); err != nil {
			return false, err
		}
		return false, e.remove(ctx, busy)
	case len(lingering) > 0:
		return false, e.insist(ctx, lingering)
	case e.page.more:
		return false, e.goOn()
	}
	e.leaveBehind()
	switch {
	case e.passed.count > 0:
		return false, e.failed(e.passed)
	case e.from == place{} || !e.seen:
		return true, nil
	}
	e.from, e.seen = place{}, false // pages that were empty need not stay so
	return false, nil
}

// sort returns the items of the page that were not asked for yet, those that the list shows although their deletion was
// answered with success, and those that the store was too busy to delete.
func (e *emptying) sort() (untried, lingering, busy []item) {
	for _, i := range e.page.items {
		refusal, tried := e.tried[i]
		switch {
		case !tried:
			untried = append(untried, i)
		case refusal == nil:
			lingering = append(lingering, i)
		case isBusy(refusal):
			busy = append(busy, i)
		}
	}
	return untried, lingering, busy
}

func isBusy(r refusal) bool { return r != nil && status.Code(r("")) == codes.Unavailable }

// remove asks for the deletion of items: of a batch, or of a few of them one by one.
func (e *emptying) remove(ctx context.Context, items []item) error {
	if batch := e.batch(items); batch != nil {
		if err := e.spend(); err != nil {
			return err
		}
		answers, err := batch(ctx)
		maps.Copy(e.tried, answers)
		return err
	}
	return e.removeSingly(ctx, items)
}

// removeSingly asks for a few items at once, and for one after a pause as long as the list shows no progress.
func (e *emptying) removeSingly(ctx context.Context, items []item) error {
	few := items[:min(len(items), maxSingles)]
	if e.idle > 1 {
		if err := e.wait(ctx); err != nil {
			return err
		}
		few = items[:1]
	}
	for _, i := range few {
		if err := e.removeOne(ctx, i, i); err != nil {
			return err
		}
	}
	return nil
}

// removeOne asks for the deletion of an item, in one reading of its key.
func (e *emptying) removeOne(ctx context.Context, i, reading item) error {
	if err := e.spend(); err != nil {
		return err
	}
	err := e.deleteOne(ctx, reading)
	if err == nil {
		e.tried[i] = nil
		return nil
	}
	why := func(trying string) error { return failed(trying, err) }
	if contextEnded(err) || isBusy(why) || answered(err, "NoSuchBucket") {
		return why(e.trying(refused{first: i}))
	}
	e.tried[i] = why
	return nil
}

// insist asks for one of the items alone, another one each time: its deletion was answered with success, and yet it is
// listed. Either the list lags behind, or the store does not do what it says.
func (e *emptying) insist(ctx context.Context, items []item) error {
	if err := e.wait(ctx); err != nil {
		return err
	}
	i := items[e.insists%len(items)]
	e.insists++
	if err := e.removeOne(ctx, i, i); err != nil || i.other == "" {
		return err
	}
	return e.removeOne(ctx, i, item{key: i.other, id: i.id})
}

// wait pauses, longer each time as long as there is no progress.
func (e *emptying) wait(ctx context.Context) error {
	e.pause = min(max(2*e.pause, firstPause), lastPause)
	return failed("empty the bucket", e.pace.wait(ctx, e.pause))
}

// goOn leaves a page behind on which nothing can be deleted.
func (e *emptying) goOn() error {
	e.leaveBehind()
	if e.page.next != e.from && e.page.next != (place{}) {
		e.from = e.page.next
		return nil
	}
	if e.passed.count > 0 {
		return e.failed(e.passed)
	}
	return status.Errorf(codes.FailedPrecondition, "list %ss: the store says that there are more, and not where; want a marker that moves on", e.noun())
}

// leaveBehind keeps of the page only what it takes for an error.
func (e *emptying) leaveBehind() {
	for _, i := range e.page.items {
		if why := e.tried[i]; why != nil {
			e.passed.add(i, why)
		}
	}
	clear(e.tried)
}

// add counts an item. What the store refuses for good says more than what it was too busy for.
func (r *refused) add(i item, why refusal) {
	if r.count == 0 || isBusy(r.why) && !isBusy(why) {
		r.first, r.why = i, why
	}
	r.count++
}

// spend counts a request, unless too many made no progress.
func (e *emptying) spend() error {
	if e.idle < maxIdle {
		e.idle++
		return nil
	}
	return e.stuck()
}

// stuck says why there is no progress: the store refuses, is busy, or says one thing and does another.
func (e *emptying) stuck() error {
	_, lingering, _ := e.sort()
	e.leaveBehind()
	switch {
	case e.passed.count > 0:
		return e.failed(e.passed)
	case len(lingering) > 0:
		return status.Errorf(codes.FailedPrecondition, "%s: the store answers with success and lists it all the same%s; want it gone from the bucket's list",
			e.trying(refused{first: lingering[0], count: len(lingering)}), hint(lingering[0].key))
	}
	return status.Errorf(codes.FailedPrecondition, "list %ss: %d pages in a row say that there are more, and have none; want a list that ends", e.noun(), e.idle)
}

// hint says why a key may be another one than the list says.
func hint(key string) string {
	if strings.ContainsRune(key, utf8.RuneError) {
		return ", perhaps under a key with characters that its list cannot show"
	}
	return ""
}

func (e *emptying) failed(r refused) error { return r.why(e.trying(r)) }

// trying says what was tried, with the key of the first item.
func (e *emptying) trying(r refused) string {
	text := fmt.Sprintf("%s %.80q", e.verb(), r.first.key)
	if r.count > 1 {
		text += fmt.Sprintf(" and %d more", r.count-1)
	}
	return text
}
