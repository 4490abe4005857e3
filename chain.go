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
	"github.com/doomshrine/gocosi/internal/safelog"
	"github.com/doomshrine/gocosi/internal/unserved"
)

// chain runs the stages around every call. It is built once for a running driver.
type chain struct {
	log        logr.Logger // of the lines about finished calls
	notes      logr.Logger // of the other lines: to write one never blocks
	payloads   bool        // the logger shows them
	telemetry  telemetry
	methods    map[string]*methods.Method // of the generations of COSI that are served
	calls      inflight.Table
	ending     atomic.Bool // the drain has begun
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

// newChain puts the stages in order, the outermost first. Telemetry is outside of all of them, as a stats handler. The line
// in the log follows the answer.
func newChain(c *config, s settings, log *safelog.Log, t telemetry) *chain {
	ch := &chain{
		log: log.Direct(), notes: log.Queued(), payloads: log.Enabled(levelPayload), telemetry: t, methods: methods.Table(c.generations),
		unserved:   unserved.New(log.Queued()),
		rpcTimeout: s.rpcTimeout, translates: !c.withoutErrorTranslation, vets: s.responseRules,
	}
	stages := []stage{
		ch.answered,  // a result that breaks no rule, or a canonical code with a neutral message
		ch.recovered, // a panic is a failure
		unless(!strict(c.generations), ch.guarded),    // no request of another revision
		unless(!s.requestRules, ch.checked),           // no request that breaks a rule
		unless(c.withoutSerialization, ch.serialized), // one call at a time for a bucket
		ch.limited,                  // a deadline for a call that came without one
		intercepted(c.interceptors), // the author's own, around the handler
	}
	ch.stages = slices.DeleteFunc(stages, func(s stage) bool { return s == nil })
	return ch
}

// strict says whether a generation refuses requests of another revision.
func strict(generations []methods.Generation) bool {
	return slices.ContainsFunc(generations, func(g methods.Generation) bool { return g.Strict })
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
		Method: ch.Unary,
		Calls:  ch.calls.Len,
		Locks:  func() int { return ch.locks[methods.ByName].Len() + ch.locks[methods.ByID].Len() },
	}
}

// call carries one RPC through the stages. It costs one allocation, so what it needs is in it by value.
type call struct {
	inflight.Call

	chain  *chain
	known  *call           // the one that is entered: this one, or the one that this is a copy of
	method *methods.Method // nil: not one of a generation of COSI
	way                    // of the request to the handler
	stages []stage         // those still to come

	request any
	kept    any               // what the answer is checked against: the handler may change the request
	secrets []string          // of the request
	shown   map[string]any    // the request for the log
	handler grpc.UnaryHandler // nil: the method's own
	info    *grpc.UnaryServerInfo

	turn     time.Time       // since when the bucket is the call's own; the start, when it needs none or did not wait
	lazy     lazyctx.Context // the handler's, when the call came without a deadline
	expired  bool            // at the driver's own deadline
	streams  bool
	finished bool                    // the library's stages have ended by themselves
	returned atomic.Uint32           // the code of the status that the handler itself returned; OK when it returned none
	failure  atomic.Pointer[failure] // of known; nil: there was none
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

// enter makes a call known. Whoever called is answered by c.Wait.
func (ch *chain) enter(name string) *call {
	now := time.Now()
	c := &call{Call: inflight.Call{Method: name[1:], Name: name[1:], Start: now}, chain: ch, method: ch.methods[name], turn: now}
	c.known = c
	if c.method != nil {
		c.Name = c.method.Name
	}
	ch.calls.Enter(&c.Call)
	return c
}

// Unary surrounds a unary method. The call runs in a goroutine of its own, so that gRPC's has an answer for the caller
// whatever becomes of that one.
func (ch *chain) Unary(name string, handler grpc.MethodHandler) grpc.MethodHandler {
	return func(server any, ctx context.Context, decode func(any) error, outer grpc.UnaryServerInterceptor) (any, error) {
		c := ch.enter(name)
		c.way = way{server, decode, outer, handler}
		go c.run(ctx)
		return c.Wait()
	}
}

// run answers the call, writes its line, and forgets it.
func (c *call) run(ctx context.Context) {
	inflight.Grow(len(c.Name))
	defer c.chain.calls.Leave(&c.Call)
	defer c.exited(ctx)
	response, err := c.receive(ctx)
	c.finish(ctx, response, err)
}

// Stream surrounds a streaming method: one of health, reflection or a service of the author's own. Such a call waits for
// its caller as long as it lasts, and the drain ends it.
func (ch *chain) Stream(name string, handler grpc.StreamHandler) grpc.StreamHandler {
	return func(server any, stream grpc.ServerStream) error {
		c := ch.enter(name)
		c.streams = true
		go func() {
			defer ch.calls.Leave(&c.Call)
			defer c.exited(stream.Context())
			err := recoveredStream(server, stream, &grpc.StreamServerInfo{FullMethod: name}, handler)
			c.finish(stream.Context(), nil, err)
		}()
		_, err := c.Wait()
		return err
	}
}
