package gocosi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/conns"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/health"
	"github.com/doomshrine/gocosi/internal/inspect"
	"github.com/doomshrine/gocosi/internal/lifecycle"
	"github.com/doomshrine/gocosi/internal/registrar"
	"github.com/doomshrine/gocosi/internal/safelog"
	"github.com/doomshrine/gocosi/internal/setting"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

const (
	// handshakeTimeout limits how long a new connection may stay silent.
	handshakeTimeout = 10 * time.Second
	// authorTimeout limits how long a function of the author's may take that is called once, at start.
	authorTimeout = 5 * time.Second
	// pingInterval is so short that gRPC never closes a connection for pinging too often: the sidecar's lives for months.
	pingInterval = time.Millisecond
)

// Driver serves an Identity and a Provisioner server as a COSI driver. Make one with [New]. Its methods are safe for
// concurrent use.
type Driver struct {
	identity cosi.IdentityServer
	services *registrar.Services
	config   *config
	settings settings

	started   atomic.Bool
	listening chan struct{} // closed when addr is set
	addr      net.Addr
	ended     chan struct{} // closed when Run or Serve has returned
}

// New makes a driver of the author's two servers. It opens no socket and writes nothing; at most it looks up the names
// of a socket's user and group, and reads the files that OTEL_EXPORTER_OTLP_* name. If anything is wrong with the servers,
// the options or the environment, it returns a nil Driver and all problems at once: each is a line of the error's text, and
// the error unwraps to them, as that of [errors.Join] does.
func New(identity cosi.IdentityServer, provisioner cosi.ProvisionerServer, options ...Option) (*Driver, error) {
	c := newConfig(options)
	s, wrongSettings := c.settle()
	named, wrongIdentity := nameIdentity(identity, s.driverName)
	services, wrongServices := c.register(named, provisioner)
	problems := setting.Problems("gocosi", wrongIdentity, checkServer("provisioner", provisioner), wrongSettings,
		c.signals.Check(), c.check(), wrongServices)
	if problems != nil {
		return nil, problems
	}
	return &Driver{
		identity: named, services: services, config: c, settings: s,
		listening: make(chan struct{}), ended: make(chan struct{}),
	}, nil
}

// checkServer refuses a missing server.
func checkServer(what string, server any) error {
	if foreign.IsNil(server) {
		return fmt.Errorf("the %s server is nil; want a server", what)
	}
	return nil
}

// Run listens on the endpoint and serves until ctx ends; then it removes the socket, lets calls finish for as long as
// the shutdown timeout allows, cuts off what is left, and flushes telemetry. It returns nil when ctx stopped it
// and every call that had begun got an answer, and an error when calls had to be cut off, when listening or serving failed, or
// when the socket was removed or replaced, so that nobody could reach the driver. At most the shutdown timeout and seven
// seconds pass between the end of ctx and the return of Run, whatever a handler, a caller, a provider or a logger does.
//
// Call Run or [Driver.Serve] once. Run does not handle signals: use [signal.NotifyContext].
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
		return d.serve(ctx, conns.Track(lis), name)
	})
}

// Serve does what [Driver.Run] does, on the caller's own listener, which it closes. COSI_ENDPOINT and the variables of the
// socket have no effect. Serve refuses a TCP listener off loopback as Run does, unless X_COSI_ENDPOINT_INSECURE is true.
func (d *Driver) Serve(ctx context.Context, lis net.Listener) error {
	return d.once(func() error {
		own, err := conns.Adopt(authorTimeout, lis)
		if err != nil {
			return err
		}
		if err := d.settings.checkListener(own); err != nil {
			return err
		}
		name, err := d.driverName(ctx)
		if err != nil {
			return errors.Join(unlessStopped(ctx, err), own.Close())
		}
		return d.serve(ctx, own, name)
	})
}

// Addr waits until the driver listens and returns the address, with the actual port if the endpoint asked for port 0.
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
func (d *Driver) serve(ctx context.Context, lis *conns.Listener, name string) error {
	log := safelog.New(d.config.log)
	defer log.Close(lifecycle.LogTimeout)
	t, err := startTelemetry(d.config, name, log.Queued())
	if err != nil {
		return errors.Join(err, lis.Close())
	}
	defer t.Flush()
	chain, health := newChain(d.config, d.settings, log, t), health.New(log.Queued(), d.config.ready)
	running := &lifecycle.Running{
		Server: d.newServer(chain, health), Health: health, Listener: lis, Calls: &chain.calls, Ending: &chain.ending,
		Missed: func(methods []string) { t.Instruments.Missed(context.Background(), methods...) },
		Log:    log, Shutdown: d.settings.shutdownTimeout, ShutdownFrom: EnvCOSIShutdownTimeout,
	}
	d.addr = lis.Addr()
	logStart(log.Queued(), name, d.config.signals.DriverVersion(), d.addr, d.settings, t) // before the first call can end
	defer running.Start()()
	inspect.Offer(ctx, chain.inspected())
	close(d.listening)
	return errors.Join(running.Wait(ctx), running.Drain())
}

// register collects what is served, but health. The author's functions may do anything.
func (c *config) register(identity cosi.IdentityServer, provisioner cosi.ProvisionerServer) (*registrar.Services, error) {
	all := registrar.New(healthpb.Health_ServiceDesc.ServiceName)
	identityDesc, provisionerDesc := v1alpha1.Services()
	all.RegisterService(identityDesc, identity)
	all.RegisterService(provisionerDesc, provisioner)
	if c.reflection {
		reflection.Register(all)
	}
	var problems []error
	for _, register := range c.services {
		if register == nil {
			continue // check refuses it
		}
		if err := foreign.Within(authorTimeout, func() error { all.Lend(register); return nil }); err != nil {
			problems = append(problems, fmt.Errorf("WithServices: %w", err))
		}
	}
	return all, errors.Join(append(problems, all.Err())...)
}

// newServer puts the author's servers, health and the chain into one gRPC server.
func (d *Driver) newServer(chain *chain, health *health.Server) *grpc.Server {
	healthpb.RegisterHealthServer(d.services, health)
	server := grpc.NewServer(d.config.grpcOptions(chain)...)
	d.services.RegisterOn(server, chain)
	services := d.services.GetServiceInfo()
	chain.unserved.Know(services)
	health.Know(services)
	chain.telemetry.serve(d.config.signals.DriverVersion(), services, chain, health)
	return server
}

// grpcOptions returns the driver's own options of gRPC, and the author's after them.
func (c *config) grpcOptions(chain *chain) []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.UnknownServiceHandler(chain.unserved.Refuse),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingInterval, PermitWithoutStream: true}),
		grpc.MaxConcurrentStreams(bound.Streams),
		grpc.MaxHeaderListSize(bound.Headers),
	}
	if chain.telemetry.Handler != nil {
		options = append(options, grpc.StatsHandler(chain.telemetry.Handler))
	}
	if c.credentials != nil {
		options = append(options, grpc.Creds(c.credentials))
	}
	return append(options, c.serverOptions...)
}
