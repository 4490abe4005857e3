package gocosi

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/inflight"
	"github.com/doomshrine/gocosi/internal/inspect"
	"github.com/doomshrine/gocosi/internal/keylock"
	"github.com/doomshrine/gocosi/internal/lazyctx"
	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/unserved"
)

// chain runs the stages around every call. It is built once for a running driver.
type chain struct {
	log        logr.Logger
	telemetry  *telemetry
	methods    map[string]*methods.Method
	calls      inflight.Table
	locks      [methods.Spaces]keylock.Table
	rpcTimeout time.Duration
	translates bool
	vets       bool     // answers by the rules
	advised    sync.Map // rules that were logged already
	stages     []stage
	unserved   *unserved.Handler
}

// stage does its part of a call and goes on with call.next.
type stage func(context.Context, *call) (any, error)

// newChain puts the stages in order, the outermost first. Telemetry is outside of all of them, as a stats handler.
func newChain(c *config, s settings, t *telemetry) *chain {
	ch := &chain{
		log: c.log, telemetry: t, methods: methods.Table(), unserved: unserved.New(c.log),
		rpcTimeout: s.rpcTimeout, translates: !c.withoutErrorTranslation, vets: s.responseRules,
	}
	stages := []stage{
		ch.logged,                           // one line for the finished call
		ch.answered,                         // a result that breaks no rule, or a canonical code with a neutral message
		ch.recovered,                        // a panic is a failure
		unless(!s.requestRules, ch.checked), // no request that breaks a rule
		unless(c.withoutSerialization, ch.serialized), // one call at a time for a bucket
		ch.limited,                  // a deadline for a call that came without one
		intercepted(c.interceptors), // the author's own, around the handler
	}
	ch.stages = slices.DeleteFunc(stages, func(s stage) bool { return s == nil })
	return ch
}

func unless(off bool, s stage) stage {
	if off {
		return nil
	}
	return s
}

// inspected shows a test what the chain holds.
func (ch *chain) inspected() inspect.Driver {
	return inspect.Driver{
		Unary: ch.unary,
		Calls: func() int { return len(ch.calls.Unanswered(time.Now())) },
		Locks: func() int { return ch.locks[methods.ByName].Len() + ch.locks[methods.ByID].Len() },
	}
}

// call carries one RPC through the stages. It costs one allocation, so what it needs is in it by value.
type call struct {
	inflight.Call

	method  *methods.Method // nil: not one of the specification's
	request any
	info    *grpc.UnaryServerInfo
	handler grpc.UnaryHandler
	stages  []stage // those still to come

	turn     time.Time       // since when the bucket is the call's own; the start, when it needs none or did not wait
	lazy     lazyctx.Context // the handler's, when the call came without a deadline
	expired  bool            // at the driver's own deadline
	returned atomic.Uint32   // the code of the status that the handler itself returned; OK when it returned none
	failure  *failure        // nil: there was none
}

// next runs what is left of the chain, and in the end the handler.
func (c *call) next(ctx context.Context) (any, error) {
	if len(c.stages) == 0 {
		return c.handle(ctx, c.request)
	}
	s := c.stages[0]
	c.stages = c.stages[1:]
	return s(ctx, c)
}

// unary intercepts a unary call.
func (ch *chain) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	now := time.Now()
	c := &call{
		Call:   inflight.Call{Name: info.FullMethod[1:], Start: now},
		method: ch.methods[info.FullMethod], turn: now,
		request: request, info: info, handler: handler, stages: ch.stages,
	}
	if m := c.method; m != nil {
		c.Name, c.Bucket, c.Account = m.Name, m.Bucket(request), m.Account(request)
	}
	ch.calls.Enter(&c.Call)
	defer ch.calls.Leave(&c.Call)
	return c.next(ctx)
}

// stream intercepts a streaming call: one of health, reflection or a service of the author's own. It is tracked, recovered
// from and logged.
func (ch *chain) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if !ch.unserved.Serves(info.FullMethod) { // Refuse logs these
		return handler(server, stream)
	}
	c := &call{Call: inflight.Call{Name: info.FullMethod[1:], Start: time.Now()}}
	ch.calls.Enter(&c.Call)
	defer ch.calls.Leave(&c.Call)
	ctx, err := stream.Context(), recoveredStream(server, stream, info, handler)
	if err != nil {
		c.failure = ch.diagnose(ctx, c, nil, err)
		err = c.failure.answer
	}
	ch.logCall(ctx, c, nil, err)
	return err
}
