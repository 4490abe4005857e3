package gocosi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
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
	// obeyTimeout limits how long handlers whose contexts were cancelled may take to return.
	obeyTimeout = time.Second
	// handshakeTimeout limits how long a new connection may stay silent.
	handshakeTimeout = 10 * time.Second
	// pingInterval is so short that gRPC never closes a connection for pinging too often: the sidecar's lives for months.
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

// checkServer refuses a missing server.
func checkServer(what string, server any) error {
	if isNil(server) {
		return fmt.Errorf("the %s server is nil; want a server", what)
	}
	return nil
}

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

// Serve does what [Driver.Run] does, on a listener of the caller's own, which it closes: COSI_ENDPOINT and
// X_COSI_ENDPOINT_* have no effect, but a TCP listener off loopback is refused as they would be.
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
		return errors.New("gocosi: a driver runs at most once; want another one, made with New")
	}
	defer close(d.ended)
	if err := run(); err != nil {
		return fmt.Errorf("gocosi: %w", err)
	}
	return nil
}

// unlessStopped forgives a start that failed because a stop was requested during it.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
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
	t, err := startTelemetry(d.config.signals, name, d.config.log)
	if err != nil {
		return errors.Join(err, lis.Close())
	}
	defer t.flush()
	r := d.newRunning(lis, t)
	defer r.start()()
	d.addr = lis.Addr()
	inspect.Offer(ctx, r.chain.inspected())
	close(d.listening)
	logStart(r.log, name, d.addr, d.settings, t)
	return errors.Join(r.wait(ctx), r.drain())
}

// running serves on a listener.
type running struct {
	log      logr.Logger
	shutdown time.Duration // how long a drain may take
	chain    *chain
	health   *health.Server
	server   *grpc.Server
	conns    *conns.Listener

	served  chan struct{} // closed when the server has returned
	failure error         // of the server; set before served is closed
}

func (d *Driver) newRunning(lis net.Listener, t *telemetry) *running {
	r := &running{
		log: d.config.log, shutdown: d.settings.shutdownTimeout,
		chain: newChain(d.config, d.settings, t), health: health.New(d.config.log, d.config.ready),
		conns: conns.Track(lis), served: make(chan struct{}),
	}
	r.server = d.newServer(r.chain, r.health)
	return r
}

// newServer puts the author's servers, health and the chain into one gRPC server.
func (d *Driver) newServer(chain *chain, health *health.Server) *grpc.Server {
	c := d.config
	server := grpc.NewServer(c.grpcOptions(chain)...)
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

// grpcOptions returns the driver's own options of gRPC, and the author's after them.
func (c *config) grpcOptions(chain *chain) []grpc.ServerOption {
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
	return append(options, c.serverOptions...)
}

// start begins to serve and to watch for late handlers. The function that it returns ends the watch; before that it waits
// for gRPC's Serve, at most obeyTimeout, since handlers may hold it up.
func (r *running) start() (end func()) {
	watching, stop := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() { defer close(watched); r.chain.calls.Watch(watching, r.log) }()
	go func() { defer close(r.served); r.failure = r.server.Serve(r.conns) }()
	return func() {
		within(r.served, obeyTimeout)
		stop()
		<-watched
	}
}

// wait returns when a stop is requested, or with the reason why the server ended by itself.
func (r *running) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		r.log.Info("stopping", "timeout", r.shutdown.String())
		return nil
	case <-r.served:
		return fmt.Errorf("serving on %s: %w", r.conns.Addr(), r.failure)
	}
}

// drain ends health and the listener, lets calls finish, and cuts off those that do not.
func (r *running) drain() error {
	r.health.Drain()
	if err := r.conns.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		r.log.Error(err, "listener was not closed cleanly")
	}
	done := make(chan struct{})
	go func() { defer close(done); r.server.GracefulStop() }()
	if within(done, r.shutdown) {
		return nil
	}
	return r.cutOff(done)
}

// cutOff stops the server for good, and says which calls had no answer yet.
func (r *running) cutOff(done <-chan struct{}) error {
	cut := r.chain.calls.Unanswered(time.Now())
	r.conns.Cut()
	go r.server.Stop() // with some options of gRPC's it waits for handlers
	if !within(done, obeyTimeout) {
		r.log.Info("handlers ignore their context and are abandoned", "calls", r.chain.calls.Unanswered(time.Now()))
	}
	if len(cut) == 0 {
		return nil
	}
	return fmt.Errorf("%d calls were cut off after %s (%s): %s", len(cut), r.shutdown, EnvCOSIShutdownTimeout, strings.Join(cut, ", "))
}

// within waits for done, and reports whether it came in time.
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
