package gocosi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/conns"
	"github.com/doomshrine/gocosi/internal/health"
	"github.com/doomshrine/gocosi/internal/inspect"
)

const (
	// obeyTimeout is how long handlers whose contexts were cancelled may take to return.
	obeyTimeout = time.Second
	// handshakeTimeout is how long a new connection may stay silent.
	handshakeTimeout = 10 * time.Second
	// pingInterval is how often a client may ping; the sidecar's connection lives for months and is never punished.
	pingInterval = time.Millisecond
)

// Driver serves an Identity and a Provisioner server as a COSI driver. Make one with [New]. Its methods are safe for
// concurrent use.
type Driver struct {
	identity    cosi.IdentityServer
	provisioner cosi.ProvisionerServer
	config      *config
	settings    settings

	started   atomic.Bool
	listening chan struct{} // closed when addr is set
	addr      net.Addr
	ended     chan struct{} // closed when Run or Serve has returned
}

// New makes a driver of the author's two servers. It opens no socket and writes nothing; at most it looks up the names
// of a socket's user and group, and reads the certificate files that OTEL_EXPORTER_OTLP_*CERTIFICATE name. When
// anything is wrong with the servers, the options or the environment, it returns every problem at once and a nil Driver.
func New(identity cosi.IdentityServer, provisioner cosi.ProvisionerServer, options ...Option) (*Driver, error) {
	c := newConfig(options)
	s, wrongSettings := c.settle()
	named, wrongIdentity := nameIdentity(identity, s.driverName)
	err := errors.Join(wrongIdentity, checkServer("provisioner", provisioner), wrongSettings, c.signals.check())
	if err != nil {
		return nil, fmt.Errorf("gocosi: %w", err)
	}
	return &Driver{
		identity: named, provisioner: provisioner, config: c, settings: s,
		listening: make(chan struct{}), ended: make(chan struct{}),
	}, nil
}

// checkServer refuses nil, and an interface that holds a nil of some type.
func checkServer(what string, server any) error {
	if isNil(server) {
		return fmt.Errorf("the %s server is nil; want a server", what)
	}
	return nil
}

// errStarted is the answer to a second Run.
var errStarted = errors.New("gocosi: a driver runs at most once; want another one, made with New")

// Run listens on the endpoint and serves until ctx ends; then it removes the socket, lets calls finish for as long as
// the shutdown timeout allows, cuts off what is left, and flushes telemetry. It returns nil when it was stopped by ctx
// and every call was answered, and an error when calls had to be cut off, or when listening or serving failed. At most
// the shutdown timeout and seven seconds pass between the end of ctx and the return of Run, whatever a handler does.
//
// Run or [Driver.Serve] may be called once. Signals are the process's: use [signal.NotifyContext].
func (d *Driver) Run(ctx context.Context) error {
	return d.once(func() error {
		name, err := d.driverName(ctx)
		if err != nil {
			return unlessStopped(ctx, err)
		}
		lis, err := d.settings.listen(ctx)
		if err != nil {
			return unlessStopped(ctx, err)
		}
		return d.serve(ctx, lis, name)
	})
}

// unlessStopped forgives a start that failed because a stop was requested during it.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Serve is [Driver.Run] on a listener of the caller's own, which Serve closes: COSI_ENDPOINT and X_COSI_ENDPOINT_* have
// no effect, but a TCP listener off loopback is refused as they would be.
func (d *Driver) Serve(ctx context.Context, lis net.Listener) error {
	return d.once(func() error {
		if err := d.settings.checkListener(lis); err != nil {
			return err
		}
		name, err := d.driverName(ctx)
		if err != nil {
			return errors.Join(unlessStopped(ctx, err), lis.Close())
		}
		return d.serve(ctx, lis, name)
	})
}

// Addr waits until the driver listens and returns the address, which tells the port where the endpoint asked for port 0.
// It returns an error when ctx ends first, or when the driver ended without listening.
func (d *Driver) Addr(ctx context.Context) (net.Addr, error) {
	select {
	case <-d.listening:
		return d.addr, nil
	default:
	}
	select {
	case <-d.listening:
		return d.addr, nil
	case <-d.ended:
		return nil, errors.New("gocosi: the driver ended before it listened")
	case <-ctx.Done():
		return nil, fmt.Errorf("gocosi: waiting for the driver to listen: %w", ctx.Err())
	}
}

func (d *Driver) once(run func() error) error {
	if d.started.Swap(true) {
		return errStarted
	}
	defer close(d.ended)
	if err := run(); err != nil {
		return fmt.Errorf("gocosi: %w", err)
	}
	return nil
}

// driverName asks the Identity server once, before anything is opened; a driver that was stopped by then asks nothing.
func (d *Driver) driverName(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if timeout := d.settings.rpcTimeout; timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	return askName(ctx, d.identity)
}

// serve runs a server on lis until ctx ends, and ends it.
func (d *Driver) serve(ctx context.Context, lis net.Listener, name string) error {
	log := d.config.log
	t, err := startTelemetry(d.config.signals, name, log)
	if err != nil {
		return errors.Join(err, lis.Close())
	}
	defer t.flush()
	chain := newChain(d.config, d.settings, t)
	health := health.New(log, d.config.ready)
	server := d.newServer(chain, health)

	watching, stopWatching := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() { defer close(watched); chain.calls.Watch(watching, log) }()
	defer func() { stopWatching(); <-watched }()

	tracked := conns.Track(lis)
	served := make(chan struct{})
	var serveErr error
	go func() { defer close(served); serveErr = server.Serve(tracked) }()
	defer func() { within(served, obeyTimeout) }() // handlers may hold up gRPC's Serve
	d.addr = lis.Addr()
	inspect.Offer(ctx, chain.inspected())
	close(d.listening)
	logStart(log, name, d.addr, d.settings, t)

	var failure error
	select {
	case <-ctx.Done():
		log.Info("stopping", "timeout", d.settings.shutdownTimeout.String())
	case <-served:
		failure = fmt.Errorf("serving on %s: %w", lis.Addr(), serveErr)
	}
	health.Drain()
	if err := lis.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		log.Error(err, "listener was not closed cleanly")
	}
	return errors.Join(failure, d.drain(server, chain, tracked))
}

// newServer puts the author's servers, health and the chain into one gRPC server.
func (d *Driver) newServer(chain *chain, health *health.Server) *grpc.Server {
	c := d.config
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(chain.unary),
		grpc.ChainStreamInterceptor(chain.stream),
		grpc.UnknownServiceHandler(chain.unserved.Refuse),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingInterval, PermitWithoutStream: true}),
	}
	if chain.telemetry.handler != nil {
		options = append(options, grpc.StatsHandler(chain.telemetry.handler))
	}
	if c.credentials != nil {
		options = append(options, grpc.Creds(c.credentials))
	}
	server := grpc.NewServer(append(options, c.serverOptions...)...)
	cosi.RegisterIdentityServer(server, d.identity)
	cosi.RegisterProvisionerServer(server, d.provisioner)
	healthpb.RegisterHealthServer(server, health)
	for _, register := range c.services {
		register(server)
	}
	if c.reflection {
		reflection.Register(server)
	}
	services := server.GetServiceInfo()
	chain.unserved.Know(services)
	health.Know(services)
	return server
}

// drain lets calls finish, cuts off those that do not, and says which they were.
func (d *Driver) drain(server *grpc.Server, chain *chain, tracked *conns.Listener) error {
	log := d.config.log
	done := make(chan struct{})
	go func() { defer close(done); server.GracefulStop() }()
	if within(done, d.settings.shutdownTimeout) {
		return nil
	}
	cut := chain.calls.Unanswered(time.Now())
	tracked.Cut()
	go server.Stop() // with some options of gRPC's it waits for handlers
	if !within(done, obeyTimeout) {
		log.Info("handlers ignore their context and are abandoned", "calls", chain.calls.Unanswered(time.Now()))
	}
	if len(cut) == 0 {
		return nil
	}
	return fmt.Errorf("%d calls were cut off after %s (%s): %s",
		len(cut), d.settings.shutdownTimeout, EnvCOSIShutdownTimeout, strings.Join(cut, ", "))
}

// within waits for done, and says whether it came in time.
func within(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
