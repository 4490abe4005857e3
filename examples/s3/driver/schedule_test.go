package driver_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// simulated is a driver's process. Its calls run one at a time, from one request to the next, as the life decides.
type simulated struct {
	life     *life
	number   int
	handlers cosi.ProvisionerServer
	dead     bool
}

// call is a call to a driver, which waits at each request for its turn.
type call struct {
	op      *op
	process *simulated
	number  int
	ctx     context.Context //nolint:containedctx // of the call
	cancel  context.CancelFunc
	turn    chan struct{}

	requests  int
	faults    int  // that met its requests
	cancelled bool // its caller has gone
	old       bool // another driver has the same call now
	asleep    int  // for so many steps of others, or until they are done
	ended     bool
	answer    any
	err       error
	logged    []string
}

type callKey struct{}

// mostRequests is how many requests a call may need. More of them never end.
const mostRequests = 400

// forever is longer than any phase has steps.
const forever = 1 << 30

// elect makes a new driver the one that the sidecar calls.
func (l *life) elect() {
	number := 1
	if l.leader != nil {
		number = l.leader.number + 1
	}
	p := &simulated{life: l, number: number}
	p.handlers = driver.NewProvisioner(l.settings(p))
	l.leader = p
}

// Do waits for the call's turn, and lets the store act if the process is still alive by then.
func (p *simulated) Do(r *http.Request) (*http.Response, error) {
	c := r.Context().Value(callKey{}).(*call)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	c.requests++
	p.life.events <- c
	<-c.turn
	if p.dead {
		return nil, context.Canceled
	}
	p.life.acting = c
	p.life.tally.requests++
	response, err := p.life.store.Do(r)
	p.life.acting = nil
	return response, err
}

// phase repeats what the sidecar asks for until all of it is answered, and nobody works on any of it.
func (l *life) phase(ops ...*op) {
	l.trouble = l.newTrouble()
	l.tell("— %s", names(ops))
	for l.wrong == "" {
		for _, o := range ops {
			if !o.done && !slices.ContainsFunc(l.calls, func(c *call) bool { return c.op == o && !c.old }) {
				l.start(o)
			}
		}
		if len(l.calls) == 0 {
			return
		}
		if l.trouble.on && l.maybe(l.trouble.change) {
			l.changeLeader()
			continue
		}
		l.step(l.pick())
	}
	l.abandon()
}

func names(ops []*op) string {
	text := ops[0].name
	for _, o := range ops[1:] {
		text += " and " + o.name
	}
	return text
}

// start begins a call with the leader, up to its first request.
func (l *life) start(o *op) {
	if o.change != nil {
		o.change()
		o.change = nil
	}
	l.tally.calls++
	c := &call{op: o, process: l.leader, number: l.tally.calls, turn: make(chan struct{})}
	logger := funcr.New(func(prefix, args string) { c.logged = append(c.logged, prefix+" "+args) }, funcr.Options{Verbosity: 9})
	c.ctx, c.cancel = context.WithCancel(logr.NewContext(context.WithValue(context.Background(), callKey{}, c), logger))
	l.calls = append(l.calls, c)
	l.tell("call %d to driver %d: %s", c.number, c.process.number, o.name)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				c.err = fmt.Errorf("panic: %v", r)
			}
			c.ended = true
			l.events <- c
		}()
		c.answer, c.err = o.call(c.ctx, c.process.handlers)
	}()
	l.settle(c)
}

// step lets a call go on, up to its next request or its end.
func (l *life) step(c *call) {
	c.turn <- struct{}{}
	l.settle(c)
}

// settle waits until a call stands still.
func (l *life) settle(c *call) {
	for now := <-l.events; now != c; now = <-l.events {
		panic("a call went on out of its turn")
	}
	if c.ended {
		c.cancel()
		l.calls = slices.DeleteFunc(l.calls, func(other *call) bool { return other == c })
		l.ended(c)
	} else if c.requests > mostRequests {
		l.fail("call %d to driver %d, %s, makes more than %d requests", c.number, c.process.number, c.op.name, mostRequests)
	}
	l.check()
}

// pick chooses the call that goes on.
func (l *life) pick() *call {
	var awake []*call
	for _, c := range l.calls {
		if c.asleep == 0 {
			awake = append(awake, c)
		} else if c.asleep--; c.asleep == 0 {
			l.woke(c)
		}
	}
	if len(awake) == 0 {
		for _, c := range l.calls {
			if c.asleep > 0 {
				l.woke(c)
			}
		}
		awake = l.calls
	}
	if !slices.Contains(awake, l.last) || l.maybe(0.4) {
		l.last = awake[l.chance.IntN(len(awake))]
	}
	return l.last
}

func (l *life) woke(c *call) {
	l.tell("call %d to driver %d wakes", c.number, c.process.number)
	c.asleep = 0
	l.tally.woken++
}

// changeLeader takes the leader for dead, though it may go on at any time.
func (l *life) changeLeader() {
	if slices.ContainsFunc(l.calls, func(c *call) bool { return c.old }) {
		return // two at once
	}
	l.tally.leaders++
	asleep := []int{0, l.chance.IntN(12), forever}[l.chance.IntN(3)]
	for _, c := range l.calls {
		if !c.old {
			c.old, c.asleep = true, asleep
			if a, ok := c.op.about.(*accountState); ok {
				a.wokeOld = true
			}
		}
	}
	l.elect()
	l.tell("driver %d leads", l.leader.number)
}

// kill ends a process. What it still does reaches nobody.
func (l *life) kill(p *simulated) {
	l.tally.kills++
	p.dead = true
	for _, c := range l.calls {
		if c.process == p {
			c.old, c.asleep = true, 0
			c.cancel()
		}
	}
	if p == l.leader {
		l.elect()
	}
}

// abandon lets all calls end, when the life is over.
func (l *life) abandon() {
	for _, c := range l.calls {
		c.process.dead = true
		c.cancel()
		for !c.ended {
			c.turn <- struct{}{}
			<-l.events
		}
	}
	l.calls = nil
}
