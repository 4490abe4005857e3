package gocosi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doomshrine/gocosi/internal/setting"
)

// probeTimeout limits a probe whose context has no deadline.
const probeTimeout = 5 * time.Second

// Probe asks the driver that runs with the same options and environment, in another process, whether it is serving: it
// makes one gRPC health check over a new connection. It returns nil if the driver serves, and otherwise an error that says
// why not, or why it cannot tell. A container's exec probe should run it: a kubelet's own gRPC probe reaches TCP ports only.
// Without a deadline in ctx, Probe gives up after 5 seconds.
func Probe(ctx context.Context, options ...Option) error {
	c := newConfig(options)
	s, err := c.settle()
	if err != nil {
		return setting.Problems("gocosi", err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, probeTimeout)
		defer cancel()
	}
	conn, err := s.dial(c.credentials)
	if err != nil {
		return fmt.Errorf("gocosi: probe of %s: %w", s.endpoint, err)
	}
	defer conn.Close()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return fmt.Errorf("gocosi: probe of %s: %w", s.endpoint, err)
	}
	if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("gocosi: the driver at %s answers %s; want SERVING", s.endpoint, answer.GetStatus())
	}
	return nil
}

// dial returns a client of the endpoint; without credentials it speaks in the clear.
func (s settings) dial(creds credentials.TransportCredentials) (*grpc.ClientConn, error) {
	if s.endpoint.AnyPort() {
		return nil, errors.New("the driver chose its port at start; want an endpoint that names the port")
	}
	if creds == nil {
		return s.endpoint.Dial()
	}
	return s.endpoint.Dial(grpc.WithTransportCredentials(creds))
}
