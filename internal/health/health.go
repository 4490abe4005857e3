// Package health serves gRPC health, version 1, over a function that reports whether the driver is ready.
package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/redact"
)

// askTimeout limits how long the readiness function is waited for. One that takes longer says no.
const askTimeout = 5 * time.Second

// Server asks the readiness function before each check, and ends every watch at the drain. Safe for concurrent use once
// Know has returned.
type Server struct {
	*health.Server

	log      logr.Logger
	ready    func(context.Context) error // nil: always ready
	services []string
	watches  atomic.Int64

	mu     sync.Mutex
	asking *question // the newest; nil: none was asked
	last   healthpb.HealthCheckResponse_ServingStatus

	serving context.Context //nolint:containedctx // the time until the drain, not of one call
	stop    context.CancelFunc
}

// question is one call of the readiness function, which all checks that come meanwhile share. It goes on when nobody waits for it
// any more: a probe that gave up before the store did must leave a driver that is not ready.
type question struct {
	answered chan struct{} // closed when there is an answer, or when it is late
	returned chan struct{} // closed when the function has returned
	err      error         // what the function did instead of returning; set before answered is closed
}

// New makes a server that logs each change of readiness; a nil ready always says yes.
func New(log logr.Logger, ready func(context.Context) error) *Server {
	serving, stop := context.WithCancel(context.Background())
	return &Server{Server: health.NewServer(), log: log, ready: ready, services: []string{""}, serving: serving, stop: stop}
}

// Know gives every service of the gRPC server a status; it is called once, before any call.
func (h *Server) Know(services map[string]grpc.ServiceInfo) {
	for name := range services {
		h.services = append(h.services, name)
	}
	slices.Sort(h.services)
	if h.ready == nil {
		h.set(healthpb.HealthCheckResponse_SERVING)
	} else {
		h.set(healthpb.HealthCheckResponse_NOT_SERVING)
	}
}

func (h *Server) set(s healthpb.HealthCheckResponse_ServingStatus) {
	for _, service := range h.services {
		h.SetServingStatus(service, s)
	}
}

// Drain answers NOT_SERVING from now on and ends every watch.
func (h *Server) Drain() {
	h.stop()
	h.Shutdown()
}

// Ready reports whether the driver was ready when that was asked last; it asks nothing.
func (h *Server) Ready() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.serving.Err() == nil && (h.ready == nil || h.last == healthpb.HealthCheckResponse_SERVING)
}

// Check answers SERVING when the driver is ready.
func (h *Server) Check(ctx context.Context, in *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if err := h.refresh(ctx); err != nil {
		return nil, err
	}
	answer, err := h.Server.Check(ctx, in)
	return answer, unknown(in, err)
}

// unknown names a service that is not known, which the caller chose, no longer than a name may be.
func unknown(in *healthpb.HealthCheckRequest, err error) error {
	if status.Code(err) != codes.NotFound {
		return err
	}
	return status.Errorf(codes.NotFound, "unknown service %q", bound.Printable(in.GetService(), bound.Name))
}

// List answers with the status of every service.
func (h *Server) List(ctx context.Context, in *healthpb.HealthListRequest) (*healthpb.HealthListResponse, error) {
	if err := h.refresh(ctx); err != nil {
		return nil, err
	}
	return h.Server.List(ctx, in)
}

// Watch sends the status now and each change that a check finds.
func (h *Server) Watch(in *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	defer h.watches.Add(-1)
	if h.watches.Add(1) > bound.Watches {
		return status.Errorf(codes.ResourceExhausted, "%d watchers are here already; want at most that many", bound.Watches)
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	if _, known := slices.BinarySearch(h.services, in.GetService()); !known {
		in.Service = bound.Cut(in.GetService(), bound.Name) // it is kept as long as the watch
	}
	_ = h.refresh(ctx) // what it does not learn, a later check will
	var err error
	ended := make(chan struct{})
	go func() { defer close(ended); err = h.Server.Watch(in, watchStream{stream, ctx}) }()
	select {
	case <-ended:
		return err
	case <-h.serving.Done():
	}
	cancel()
	<-ended
	if err := stream.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING}); err != nil {
		return err
	}
	return status.Error(codes.Unavailable, "the driver is shutting down")
}

// watchStream lets the driver end a watcher's stream.
type watchStream struct {
	healthpb.Health_WatchServer
	ctx context.Context //nolint:containedctx // replaces the stream's own
}

func (s watchStream) Context() context.Context { return s.ctx }

// refresh waits until the status is fresh, as long as ctx allows. A drain ends it, because the answer is then known.
func (h *Server) refresh(ctx context.Context) error {
	if h.ready == nil || h.serving.Err() != nil {
		return nil
	}
	q := h.join()
	select {
	case <-q.answered:
		return q.err
	case <-h.serving.Done():
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// join returns the question that is being asked, or a new one.
func (h *Server) join() *question {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asking == nil || h.asking.over() {
		h.asking = &question{answered: make(chan struct{}), returned: make(chan struct{})}
		go h.ask(h.asking)
	}
	return h.asking
}

// over reports whether the readiness function can be asked again: one question at a time, however long it takes.
func (q *question) over() bool {
	select {
	case <-q.returned:
		return true
	default:
		return false
	}
}

// ask calls the author's function. One that is late has said no, until it returns.
func (h *Server) ask(q *question) {
	ctx, cancel := context.WithTimeout(h.serving, askTimeout)
	defer cancel()
	result := foreign.Go(func() error { return h.ready(ctx) })
	late := time.NewTimer(askTimeout)
	defer late.Stop()
	select {
	case err := <-result:
		h.answer(q, err)
		close(q.returned) // first: whoever has this answer may ask anew
		close(q.answered)
	case <-late.C:
		h.answer(q, fmt.Errorf("the readiness function has not returned for %s", askTimeout))
		close(q.answered)
		<-result //nolint:errcheck // it says nothing any more
		close(q.returned)
	}
}

// answer notes what the function said.
func (h *Server) answer(q *question, err error) {
	if _, ended := foreign.Stack(err); ended {
		q.err = err
	}
	h.record(err)
}

// record sets the status and logs a change.
func (h *Server) record(err error) {
	if h.serving.Err() != nil {
		return
	}
	now := healthpb.HealthCheckResponse_SERVING
	if err != nil {
		now = healthpb.HealthCheckResponse_NOT_SERVING
	}
	h.mu.Lock()
	changed := h.last != now
	h.last = now
	h.mu.Unlock()
	if !changed {
		return
	}
	h.set(now)
	if err != nil {
		h.log.Error(errors.New(redact.Text(err.Error(), nil)), "not ready")
	} else {
		h.log.Info("ready")
	}
}
