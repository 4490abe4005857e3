package gocosi

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// probeTimeout is the limit of a probe whose context has none.
const probeTimeout = 5 * time.Second

// Probe asks the driver that runs with the same options and environment, in another process, whether it is serving: it
// dials the endpoint anew and makes one gRPC health check. nil says that it is; any error that it is not, or why that
// cannot be told. It is what a container's exec probe should run: a kubelet's own gRPC probe reaches TCP ports only.
// Without a deadline in ctx, Probe gives up after 5 seconds.
func Probe(ctx context.Context, options ...Option) error {
	c := newConfig(options)
	s, _, err := c.settle()
	if err != nil {
		return fmt.Errorf("gocosi: %w", err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, probeTimeout)
		defer cancel()
	}
	creds := c.credentials
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	host, port, _ := net.SplitHostPort(s.endpoint.Address)
	if port == "0" {
		return fmt.Errorf("gocosi: probe of %s: the driver chose its port at start, so the endpoint does not tell it; name a port",
			s.endpoint)
	}
	conn, err := grpc.NewClient("passthrough:///"+host, grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, s.endpoint.Network, s.endpoint.Address)
		}))
	if err != nil {
		return fmt.Errorf("gocosi: probe of %s: %w", s.endpoint, err)
	}
	defer conn.Close()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return fmt.Errorf("gocosi: probe of %s: %w", s.endpoint, err)
	}
	if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("gocosi: the driver at %s answers %s", s.endpoint, answer.GetStatus())
	}
	return nil
}
