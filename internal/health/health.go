// Package health serves gRPC health, version 1, over a function that reports whether the driver is ready.
package health

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/redact"
)

// watchTimeout limits how long a new watch waits for the readiness function: a watch has no deadline.
const watchTimeout = 5 * time.Second

// Server asks the readiness function before each check, and ends every watch at the drain. Safe for concurrent use once
// Know has returned.
type Server struct {
	*health.Server

	log      logr.Logger
	ready    func(context.Context) error // nil: always ready
	turn     chan struct{}               // held by the check that asks
	last     healthpb.HealthCheckResponse_ServingStatus
	services []string

	serving context.Context //nolint:containedctx // the time until the drain, not of one call
	stop    context.CancelFunc
}

// New makes a server that logs each change of readiness; a nil ready always says yes.
func New(log logr.Logger, ready func(context.Context) error) *Server {
	serving, stop := context.WithCancel(context.Background())
	return &Server{
		Server: health.NewServer(), log: log, ready: ready,
		turn: make(chan struct{}, 1), services: []string{""}, serving: serving, stop: stop,
	}
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

// Check answers SERVING when the driver is ready.
func (h *Server) Check(ctx context.Context, in *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if err := h.refresh(ctx); err != nil {
		return nil, err
	}
	return h.Server.Check(ctx, in)
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
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	h.refreshBriefly(ctx)
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

// refreshBriefly refreshes for a watch. What it does not learn, a later check will.
func (h *Server) refreshBriefly(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	_ = h.refresh(ctx)
}

// refresh asks whether the driver is ready. One check asks at a time; another waits as long as its context allows. A drain
// ends both, because the answer is then known.
func (h *Server) refresh(ctx context.Context) error {
	if h.ready == nil || h.serving.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.serving, cancel)()
	select {
	case h.turn <- struct{}{}:
		h.ask(ctx)
	case <-ctx.Done():
	}
	if h.serving.Err() != nil {
		return nil
	}
	return status.FromContextError(ctx.Err()).Err()
}

// errPanicked stands for the answer of a readiness function that panics.
var errPanicked = errors.New("the readiness function panicked")

// ask calls the author's function, with the turn held.
func (h *Server) ask(ctx context.Context) {
	err := errPanicked
	defer func() {
		h.record(ctx, err)
		<-h.turn
	}()
	err = h.ready(ctx)
}

// record sets the status and logs a change. The answer to a cancelled check says nothing.
func (h *Server) record(ctx context.Context, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	now := healthpb.HealthCheckResponse_SERVING
	if err != nil {
		now = healthpb.HealthCheckResponse_NOT_SERVING
	}
	if h.last == now {
		return
	}
	h.last = now
	h.set(now)
	if err != nil {
		h.log.Error(errors.New(redact.Text(err.Error(), nil)), "not ready")
	} else {
		h.log.Info("ready")
	}
}
