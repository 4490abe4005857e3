package gocosi

import (
	"context"
	"errors"
	"slices"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/redact"
)

// healthServer is gRPC's own health service, which asks WithReady's function before each check and lets go of watchers
// when the driver drains.
type healthServer struct {
	*health.Server
	log      logr.Logger
	ready    func(context.Context) error // nil: always ready
	turn     chan struct{}               // held by the check that asks
	services []string
	draining chan struct{}
}

func newHealthServer(log logr.Logger, ready func(context.Context) error) *healthServer {
	return &healthServer{
		Server: health.NewServer(), log: log, ready: ready,
		turn: make(chan struct{}, 1), services: []string{""}, draining: make(chan struct{}),
	}
}

// know gives every service that the server has a status; it is called once, before any call.
func (h *healthServer) know(services map[string]grpc.ServiceInfo) {
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

func (h *healthServer) set(s healthpb.HealthCheckResponse_ServingStatus) {
	for _, service := range h.services {
		h.SetServingStatus(service, s)
	}
}

// drain answers NOT_SERVING from now on and ends every watch.
func (h *healthServer) drain() {
	h.Shutdown()
	close(h.draining)
}

// Check answers SERVING when the driver is ready.
func (h *healthServer) Check(ctx context.Context, in *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if err := h.refresh(ctx); err != nil {
		return nil, err
	}
	return h.Server.Check(ctx, in)
}

// Watch sends the status now and each change that a check finds.
func (h *healthServer) Watch(in *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	if err := h.refresh(stream.Context()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- h.Server.Watch(in, watchStream{stream, ctx}) }()
	select {
	case err := <-ended:
		return err
	case <-h.draining:
		cancel()
		<-ended
		return errors.Join(stream.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING}),
			status.Error(codes.Unavailable, "the driver is shutting down"))
	}
}

// watchStream is a watcher's stream that the driver can end.
type watchStream struct {
	healthpb.Health_WatchServer
	ctx context.Context //nolint:containedctx // replaces the stream's own
}

func (s watchStream) Context() context.Context { return s.ctx }

// refresh asks whether the driver is ready. One check asks at a time; another waits as long as its context lets it.
func (h *healthServer) refresh(ctx context.Context) error {
	if h.ready == nil {
		return nil
	}
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	defer func() { <-h.turn }()
	before, err := h.Server.Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return err
	}
	now := healthpb.HealthCheckResponse_SERVING
	if err := h.ready(ctx); err != nil {
		now = healthpb.HealthCheckResponse_NOT_SERVING
		if before.GetStatus() != now {
			h.log.Error(errors.New(redact.Text(err.Error(), nil)), "not ready")
		}
	} else if before.GetStatus() != now {
		h.log.Info("ready")
	}
	h.set(now)
	return nil
}
