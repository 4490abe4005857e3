package gocosi

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/drift"
	"github.com/doomshrine/gocosi/internal/keylock"
	"github.com/doomshrine/gocosi/internal/lifecycle"
	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/statuses"
)

// way leads from gRPC to the handler.
type way struct {
	server  any
	decode  func(any) error
	outer   grpc.UnaryServerInterceptor // of WithServerOptions; nil: there is none
	generic grpc.MethodHandler          // as it was registered
}

// receive reads the call's message and takes it through the interceptors of WithServerOptions to the stages. A method of
// the specification's without such interceptors is called directly: the generated code would allocate twice.
func (c *call) receive(ctx context.Context) (any, error) {
	if c.method == nil || c.outer != nil {
		return c.generic(c.server, ctx, c.decode, c.interpose)
	}
	request := c.method.NewRequest()
	if err := c.decode(request); err != nil {
		return nil, err
	}
	return c.begin(ctx, request)
}

// interpose is the interceptor that a method's own code calls. Each time that an outer interceptor calls its handler, a copy
// of the call goes through the stages: the interceptor may have returned by then.
func (c *call) interpose(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	c.info, c.handler = info, handler
	if c.outer == nil {
		return c.begin(ctx, request)
	}
	c.take(request)
	if !c.Begin() {
		return nil, lifecycle.ErrStopping
	}
	return c.outer(ctx, request, info, func(ctx context.Context, request any) (any, error) {
		if !c.Open() { // the interceptor has answered already
			return nil, lifecycle.ErrStopping
		}
		inner := &call{chain: c.chain, method: c.method, way: c.way, info: info, handler: handler, turn: time.Now(), known: c}
		inner.Method, inner.Name, inner.Start = c.Method, c.Name, c.Start
		inner.take(request)
		return inner.next(ctx)
	})
}

// begin runs the stages.
func (c *call) begin(ctx context.Context, request any) (any, error) {
	c.take(request)
	if !c.Begin() {
		return nil, lifecycle.ErrStopping
	}
	return c.next(ctx)
}

// take takes from the request what must be known of it, before anybody else has it.
func (c *call) take(request any) {
	c.request, c.stages = request, c.chain.stages
	c.shown = c.redacted(request)
	if m := c.method; m != nil {
		c.Bucket, c.Account = m.Bucket(request), m.Account(request)
		c.secrets = redact.Parameters(m.Secrets(request))
		if m.Kept != nil {
			c.kept = m.Kept(request)
		}
	}
}

// guarded refuses a request of another revision, in a generation that asks for it.
func (ch *chain) guarded(ctx context.Context, c *call) (any, error) {
	if c.method != nil && c.method.Generation.Strict {
		if err := drift.Check(c.request, c.method.Generation.Name); err != nil {
			return nil, err
		}
	}
	return c.next(ctx)
}

// checked refuses a request that breaks a rule, before the handler sees it.
func (ch *chain) checked(ctx context.Context, c *call) (any, error) {
	if c.method != nil {
		if v := c.method.Generation.Request(c.request); v != nil {
			ch.telemetry.Instruments.Request(ctx, c.Method, v.Rule)
			return nil, status.Error(codes.InvalidArgument, v.Error())
		}
	}
	return c.next(ctx)
}

// serialized lets calls for one bucket take turns within this process (requirements GEN-10 and GRANT-15). It refuses a
// call that waits longer than the RPC timeout, and tells it who holds the bucket.
func (ch *chain) serialized(ctx context.Context, c *call) (any, error) {
	if c.method == nil || c.method.Serialize == methods.SideBySide {
		return c.next(ctx)
	}
	if c.method.Others == nil {
		return ch.inTurn(ctx, c, c.Bucket, nil)
	}
	buckets := c.method.Buckets(c.Bucket, c.request)
	if len(buckets) == 0 {
		return c.next(ctx)
	}
	return ch.inTurn(ctx, c, buckets[0], buckets[1:])
}

// inTurn waits for the turn of a bucket, and then for those of others, for the RPC timeout in all. All calls take them in one
// order, so that no two wait for each other.
func (ch *chain) inTurn(ctx context.Context, c *call, bucket string, others []string) (any, error) {
	locks := &ch.locks[c.method.Serialize]
	since, err := locks.Lock(ctx, bucket, c.Name, c.turn, c.method.Patience(ch.rpcTimeout, c.Start))
	busy, refused := errors.AsType[*keylock.TimeoutError](err)
	if !since.Equal(c.turn) { // another call had the bucket
		ch.telemetry.Instruments.Waited(ctx, c.Method, c.turn, refused)
	}
	if refused {
		return nil, status.Errorf(codes.Aborted, "bucket %q is busy: %s has been working on it for %s",
			bound.Printable(bucket, bound.Name), busy.Holder, busy.Age.Round(time.Millisecond))
	}
	if err != nil {
		return nil, err
	}
	defer locks.Unlock(bucket)
	if c.turn = since; len(others) > 0 {
		return ch.inTurn(ctx, c, others[0], others[1:])
	}
	return c.next(ctx)
}

// limitOfCaller stands in the log for a deadline that no variable set.
const limitOfCaller = "the caller's"

// limited sets a deadline for a call that came without one: the released sidecar sets none. The time runs from the call's
// turn on.
func (ch *chain) limited(ctx context.Context, c *call) (any, error) {
	if due, ok := ctx.Deadline(); ok {
		c.known.Expect(due, limitOfCaller)
		return c.next(ctx)
	}
	if ch.rpcTimeout == 0 {
		return c.next(ctx)
	}
	due := c.turn.Add(ch.rpcTimeout)
	c.lazy.Begin(ctx, due)
	defer c.lazy.End()
	c.known.Expect(due, EnvCOSIRPCTimeout)
	response, err := c.next(&c.lazy)
	c.expired = err != nil && errors.Is(c.lazy.Err(), context.DeadlineExceeded)
	return response, err
}

// intercepted chains the author's interceptors; nil when there are none.
func intercepted(interceptors []grpc.UnaryServerInterceptor) stage {
	interceptors = slices.DeleteFunc(slices.Clone(interceptors), func(i grpc.UnaryServerInterceptor) bool { return i == nil })
	if len(interceptors) == 0 {
		return nil
	}
	return func(ctx context.Context, c *call) (any, error) {
		if c.info == nil {
			c.info = &grpc.UnaryServerInfo{Server: c.server, FullMethod: c.method.FullName}
		}
		handler := c.handle
		for _, i := range slices.Backward(interceptors) {
			inner := handler
			handler = func(ctx context.Context, request any) (any, error) { return i(ctx, request, c.info, inner) }
		}
		return handler(ctx, c.request)
	}
}

// call calls the handler, and takes what it answered for the call's own: the handler may go on to change it.
func (c *call) call(ctx context.Context, request any) (response any, err error) {
	if c.handler != nil {
		response, err = c.handler(ctx, request)
	} else {
		response, err = c.method.Serve(ctx, c.server, request)
	}
	if c.method != nil && c.method.Own != nil {
		response = c.method.Own(response)
	}
	return response, err
}

// handle runs the handler, and remembers what it said before an interceptor says something else.
func (c *call) handle(ctx context.Context, request any) (any, error) {
	response, err := c.call(ctx, request)
	c.returned.Store(uint32(statuses.Own(err)))
	return response, err
}
