package gocosi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/lifecycle"
	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/otlp"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

// Option configures [New] or [Probe]. Options are applied in order: one that sets a value replaces an earlier one, and
// WithInterceptors, WithServerOptions and WithServices add. An option only records; New checks.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// config holds what the options recorded.
type config struct {
	defaults      map[string]string // by environment variable, as text
	lookup        func(string) (string, bool)
	environ       func() []string // lists the environment, as far as that can be listed
	log           logr.Logger
	credentials   credentials.TransportCredentials
	signals       otlp.Given
	interceptors  []grpc.UnaryServerInterceptor
	serverOptions []grpc.ServerOption
	services      []func(grpc.ServiceRegistrar)
	ready         func(context.Context) error
	reflection    bool
	generations   []methods.Generation // of COSI, whose calls get everything

	withoutSerialization    bool
	withoutErrorTranslation bool
}

func newConfig(options []Option) *config {
	c := &config{defaults: map[string]string{}, lookup: os.LookupEnv, environ: os.Environ, log: logr.Discard()}
	c.generations = []methods.Generation{v1alpha1.Generation()}
	for _, o := range options {
		if o != nil {
			o.apply(c)
		}
	}
	return c
}

// check refuses options that would fail later, or do harm.
func (c *config) check() error {
	var problems []error
	refuse := func(wrong bool, option, want string) {
		if wrong {
			problems = append(problems, fmt.Errorf("%s: got a nil; want %s", option, want))
		}
	}
	refuse(c.signals.Tracer != nil && foreign.IsNil(c.signals.Tracer), "WithTracerProvider", "a provider, or an untyped nil for none")
	refuse(c.signals.Meter != nil && foreign.IsNil(c.signals.Meter), "WithMeterProvider", "a provider, or an untyped nil for none")
	refuse(c.signals.Reader != nil && foreign.IsNil(c.signals.Reader), "WithMetricReader", "a reader, or an untyped nil for none")
	refuse(c.credentials != nil && foreign.IsNil(c.credentials), "WithTransportCredentials", "credentials, or an untyped nil for none")
	refuse(slices.ContainsFunc(c.services, func(f func(grpc.ServiceRegistrar)) bool { return f == nil }), "WithServices", "a function")
	refuse(slices.ContainsFunc(c.serverOptions, func(o grpc.ServerOption) bool { return foreign.IsNil(o) }), "WithServerOptions", "options")
	if v := c.signals.Version; len(v) > bound.Name || v != bound.Printable(v, bound.Name) {
		problems = append(problems, fmt.Errorf("WithVersion: want up to %d printable characters", bound.Name))
	}
	if len(problems) == 0 {
		problems = append(problems, lifecycle.TryOptions(c.serverOptions))
	}
	return errors.Join(problems...)
}

func withDefault(variable, text string) Option {
	return optionFunc(func(c *config) { c.defaults[variable] = text })
}

// WithDefaultEndpoint sets where the driver listens unless COSI_ENDPOINT says otherwise, in one of the forms that the
// variable accepts. Default: unix:///var/lib/cosi/cosi.sock.
func WithDefaultEndpoint(endpoint string) Option { return withDefault(EnvCOSIEndpoint, endpoint) }

// WithDefaultSocketPerms sets the mode of the socket unless X_COSI_ENDPOINT_PERMS says otherwise. Only permission bits
// are accepted, with read and write for the owner. Default: 0755. Without effect on TCP, but checked.
func WithDefaultSocketPerms(mode fs.FileMode) Option {
	return withDefault(EnvCOSIEndpointPerms, fmt.Sprintf("%04o", uint32(mode)))
}

// WithDefaultSocketUser sets the owner of the socket, by name or number, unless X_COSI_ENDPOINT_USER says otherwise.
// Default, and "": the process's user. Without effect on TCP, but checked.
func WithDefaultSocketUser(user string) Option { return withDefault(EnvCOSIEndpointUser, user) }

// WithDefaultSocketGroup sets the group of the socket, by name or number, unless X_COSI_ENDPOINT_GROUP says otherwise.
// Default, and "": the process's group. Without effect on TCP, but checked.
func WithDefaultSocketGroup(group string) Option { return withDefault(EnvCOSIEndpointGroup, group) }

// WithDefaultRPCTimeout sets the deadline of a call that came without one, unless X_COSI_RPC_TIMEOUT says otherwise.
// The released sidecar never sets a deadline. 0 sets none. Default: 2 minutes.
func WithDefaultRPCTimeout(d time.Duration) Option { return withDefault(EnvCOSIRPCTimeout, d.String()) }

// WithDefaultShutdownTimeout sets how long calls may go on after a stop was requested, before they are cut off, unless
// X_COSI_SHUTDOWN_TIMEOUT says otherwise. 0 cuts them off at once. Default: 20 seconds; Kubernetes kills after 30.
func WithDefaultShutdownTimeout(d time.Duration) Option {
	return withDefault(EnvCOSIShutdownTimeout, d.String())
}

// WithEnvironment makes lookup the source of the variables COSI_ENDPOINT and X_COSI_*, in place of [os.LookupEnv]; nil
// reads none. OTEL_* variables are read from the process all the same: see [WithoutTelemetry].
func WithEnvironment(lookup func(name string) (value string, ok bool)) Option {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	return optionFunc(func(c *config) { c.lookup, c.environ = lookup, func() []string { return nil } })
}

// WithLogger sets where the driver logs. A line that takes longer than 1.5 seconds holds up nothing: those that follow are
// dropped and counted meanwhile. Default, and the zero Logger: nothing is logged.
func WithLogger(log logr.Logger) Option { return optionFunc(func(c *config) { c.log = log }) }

// WithVersion sets the driver's version, as the line at start, spans and metrics tell it: up to 128 printable characters, such as
// "v1.2.3". Default, also for "": the version that the go command recorded in the program, which a build without version
// control does not have.
func WithVersion(version string) Option {
	return optionFunc(func(c *config) { c.signals.Version = version })
}

// WithTransportCredentials secures the connections to the driver, with TLS for example; the driver may then listen on
// TCP off loopback. Given to [Probe], they are the client's side. Default, and nil: none.
//
// Credentials that are given by [WithServerOptions] instead do not open the way off loopback: they cannot be seen there.
func WithTransportCredentials(creds credentials.TransportCredentials) Option {
	return optionFunc(func(c *config) { c.credentials = creds })
}

// WithTracerProvider traces calls with a provider of the author's own, whatever the environment says. Run flushes it
// when it ends, but does not shut it down. Default, and nil: as OTEL_* say.
func WithTracerProvider(p trace.TracerProvider) Option {
	return optionFunc(func(c *config) { c.signals.Tracer = p })
}

// WithMeterProvider measures calls with a provider of the author's own, as [WithTracerProvider] traces them. Its views and its
// resource are its own. It takes the place of a reader that an earlier option gave.
func WithMeterProvider(p metric.MeterProvider) Option {
	return optionFunc(func(c *config) { c.signals.Meter, c.signals.Reader = p, nil })
}

// WithMetricReader measures calls for a reader such as OpenTelemetry's exporter for Prometheus, whatever the environment says of
// metrics. Run makes the provider, with the resource that the environment describes, and shuts both down when it ends. A reader
// serves one run; with one that has ended, Run fails. It replaces a provider that an earlier option gave. Default, and nil: none.
func WithMetricReader(r sdkmetric.Reader) Option {
	return optionFunc(func(c *config) { c.signals.Meter, c.signals.Reader = nil, r })
}

// WithGlobalMeterProvider makes the provider of the driver's metrics, if they are on, OpenTelemetry's global one as well. The
// instruments of clients that the handlers use then go where the driver's go. It is meant for one driver in a process: they stay with
// the first one, and the global provider is not restored. Default: the global one is left alone.
func WithGlobalMeterProvider() Option {
	return optionFunc(func(c *config) { c.signals.Global = true })
}

// WithoutTelemetry turns traces and metrics off, whatever the environment says. A provider that a later option gives is
// used all the same.
func WithoutTelemetry() Option {
	return optionFunc(func(c *config) {
		c.signals = otlp.Given{IgnoreEnv: true, Version: c.signals.Version, Global: c.signals.Global}
	})
}

// WithInterceptors adds interceptors of the author's own, the first one outermost. They run innermost, around the
// handler: what they return is checked, logged and recovered from like a handler's answer. Default: none; nil ones are
// left out.
func WithInterceptors(interceptors ...grpc.UnaryServerInterceptor) Option {
	return optionFunc(func(c *config) { c.interceptors = append(c.interceptors, interceptors...) })
}

// WithServerOptions passes options on to [grpc.NewServer], after the driver's own. Interceptors and stats handlers in
// them run outside the driver's. Interceptors of streams, stats handlers, codecs and credentials run in gRPC's own goroutines,
// where a panic ends the process.
func WithServerOptions(options ...grpc.ServerOption) Option {
	return optionFunc(func(c *config) { c.serverOptions = append(c.serverOptions, options...) })
}

// WithServices registers more gRPC services on the driver's server; [New] calls register, with a registrar that is no
// *grpc.Server. Their calls are logged and
// recovered from, and unary ones get a deadline; the drain ends their streams. The rules of COSI do not touch them.
func WithServices(register func(grpc.ServiceRegistrar)) Option {
	return optionFunc(func(c *config) { c.services = append(c.services, register) })
}

// WithReady makes ready decide, at each health check, whether a driver that is listening answers SERVING: nil says
// yes. Checks that come while it runs share its answer, which counts also when they have given up. Its context ends after 5
// seconds, when it has said no, and when the driver ends. Default, and nil: always.
func WithReady(ready func(context.Context) error) Option {
	return optionFunc(func(c *config) { c.ready = ready })
}

// WithReflection registers gRPC server reflection, for tools such as grpcurl. Default: off.
func WithReflection() Option { return optionFunc(func(c *config) { c.reflection = true }) }

// WithoutRequestRules passes requests that break the specification on to the handlers, unless X_COSI_REQUEST_RULES says
// otherwise. By default they are refused with INVALID_ARGUMENT, the field and the rule's ID. The handlers then have to
// refuse them: a missing name or id, an unknown authentication type, a value that is too long.
func WithoutRequestRules() Option { return withDefault(EnvCOSIRequestRules, "false") }

// WithoutResponseRules passes answers that break the specification on to the caller, unless X_COSI_RESPONSE_RULES says
// otherwise. By default they are answered as INTERNAL, and the log names the rule: the released sidecar would store them, or
// die of them.
func WithoutResponseRules() Option { return withDefault(EnvCOSIResponseRules, "false") }

// WithoutSerialization lets calls for one bucket run side by side. By default Create runs once at a time for a bucket's
// name, and Delete, Grant and Revoke once at a time for a bucket's id, within this process (requirement GEN-10).
func WithoutSerialization() Option {
	return optionFunc(func(c *config) { c.withoutSerialization = true })
}

// WithoutErrorTranslation sends the status codes of the author's handlers as they are. By default a NOT_FOUND from
// Delete or Revoke is answered as OK (DELETE-2, REVOKE-4) and an ALREADY_EXISTS from Grant as FAILED_PRECONDITION: the
// released sidecar dies of it (GRANT-11).
func WithoutErrorTranslation() Option {
	return optionFunc(func(c *config) { c.withoutErrorTranslation = true })
}
