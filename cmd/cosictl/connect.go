package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/setting"
)

// connect dials the driver and waits until it has answered as a gRPC server does.
func (v *invocation) connect(ctx context.Context) (*grpc.ClientConn, error) {
	where, err := v.where()
	if err != nil {
		return nil, usageError{err}
	}
	d := &dialer{endpoint: where, timeout: v.timeout}
	if d.tls, err = v.handshakeWith(where); err != nil {
		return nil, err
	}
	conn, err := where.Dial(v.dialOptions(d)...)
	if err != nil {
		return nil, connectionError{err}
	}
	waiting, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	if ready(waiting, conn) {
		return conn, nil
	}
	defer conn.Close()
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	return nil, connectionError{fmt.Errorf("no connection to %s: %w", where, d.why(waiting, conn))}
}

func (v *invocation) dialOptions(d *dialer) []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithContextDialer(d.dial), grpc.WithUnaryInterceptor(v.secrets.learn),
		// Windows of a fixed size: those that grow take as much memory as a driver likes to fill.
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window), grpc.WithMaxHeaderListSize(headers),
	}
	if d.tls != nil {
		options = append(options, grpc.WithTransportCredentials(d.tls))
	}
	return options
}

const (
	window  = 64<<10 - 1 // bytes that a driver may send before they are read: HTTP/2's own
	headers = 1 << 20    // bytes of an answer's headers, in which the message of an error comes
)

// where is the endpoint that was asked for.
func (v *invocation) where() (address.Endpoint, error) {
	where, err := address.Kind().Read("endpoint", setting.Trim(v.endpoint))
	if err != nil {
		return where, err
	}
	if where.AnyPort() {
		return where, fmt.Errorf("endpoint %q: port 0 lets a driver choose one, and does not tell which", v.endpoint)
	}
	return where, nil
}

// ready waits until the connection is there, and says whether it is. The first failure ends the wait.
func ready(ctx context.Context, conn *grpc.ClientConn) bool {
	conn.Connect()
	for {
		switch state := conn.GetState(); {
		case state == connectivity.Ready:
			return true
		case state == connectivity.TransientFailure, !conn.WaitForStateChange(ctx, state):
			return false
		}
	}
}

// dialer dials one endpoint, and remembers how that went.
type dialer struct {
	endpoint address.Endpoint
	timeout  time.Duration
	tls      *handshake   // nil: calls go in the clear
	last     atomic.Value // attempt
}

type attempt struct{ err error }

func (d *dialer) dial(ctx context.Context, _ string) (net.Conn, error) {
	conn, err := d.endpoint.DialContext(ctx)
	d.last.Store(attempt{err})
	return conn, err
}

// explain adds what the system's words do not say to somebody who sees the file.
func (d *dialer) explain(err error) error {
	if d.endpoint.Network == address.Unix && errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: nobody listens on this file; want a driver that does: one that was killed leaves its socket behind", err)
	}
	return err
}

// why says why there is no connection.
func (d *dialer) why(ctx context.Context, conn *grpc.ClientConn) error {
	last, dialled := d.last.Load().(attempt)
	switch {
	case dialled && last.err != nil && ctx.Err() == nil:
		return d.explain(last.err)
	case ctx.Err() != nil && dialled && last.err == nil:
		return fmt.Errorf("it accepts the connection, and does not answer as a gRPC server does within %s", d.timeout)
	case ctx.Err() != nil:
		return fmt.Errorf("nobody answers within %s", d.timeout)
	case d.tls != nil:
		if err := d.tls.explain(); err != nil {
			return err
		}
	case d.speaksTLS(ctx):
		return errors.New("the driver speaks TLS, and this client does not; want -ca FILE with the certificates that sign the driver's")
	}
	// A call on a broken connection fails at once, with the reason.
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	_, reason, ok := strings.Cut(status.Convert(err).Message(), "desc = ")
	if !ok {
		reason = status.Convert(err).Message()
	}
	return fmt.Errorf("it does not answer as a gRPC server does: %s", strings.Trim(reason, `"`))
}
