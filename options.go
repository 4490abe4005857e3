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

// Option configures [New] or [Probe], which apply options in order: one that sets a value replaces an earlier one, and
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

// WithDefaultSocketPerms sets the mode of the socket unless X_COSI_ENDPOINT_PERMS says otherwise. New accepts only
// permission bits, with read and write for the owner. Default: 0755. It has no effect on TCP, but New checks it.
func WithDefaultSocketPerms(mode fs.FileMode) Option {
	return withDefault(EnvCOSIEndpointPerms, fmt.Sprintf("%04o", uint32(mode)))
}

// WithDefaultSocketUser sets the owner of the socket, by name or number, unless X_COSI_ENDPOINT_USER says otherwise.
// Default, and "": the process's user. It has no effect on TCP, but New checks it.
func WithDefaultSocketUser(user string) Option { return withDefault(EnvCOSIEndpointUser, user) }

// WithDefaultSocketGroup sets the group of the socket, by name or number, unless X_COSI_ENDPOINT_GROUP says otherwise.
// Default, and "": the process's group. It has no effect on TCP, but New checks it.
func WithDefaultSocketGroup(group string) Option { return withDefault(EnvCOSIEndpointGroup, group) }

// WithDefaultRPCTimeout sets the deadline of a call that comes without one, unless X_COSI_RPC_TIMEOUT says otherwise.
// The released sidecar never sets a deadline. 0 sets none. Default: 2 minutes.
func WithDefaultRPCTimeout(d time.Duration) Option { return withDefault(EnvCOSIRPCTimeout, d.String()) }

// WithDefaultShutdownTimeout sets how long calls may continue after a stop is requested, before Run cuts them off, unless
// X_COSI_SHUTDOWN_TIMEOUT says otherwise. 0 cuts them off at once. Default: 20 seconds; Kubernetes kills after 30.
func WithDefaultShutdownTimeout(d time.Duration) Option {
	return withDefault(EnvCOSIShutdownTimeout, d.String())
}

// WithEnvironment makes lookup the source of the variables COSI_ENDPOINT and X_COSI_*, in place of [os.LookupEnv]; nil
// reads none. The driver reads OTEL_* variables from the process all the same: see [WithoutTelemetry].
func WithEnvironment(lookup func(name string) (value string, ok bool)) Option {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	return optionFunc(func(c *config) { c.lookup, c.environ = lookup, func() []string { return nil } })
}

// WithLogger sets where the driver logs. A line that takes longer than 1.5 seconds holds up nothing: meanwhile the driver
// drops and counts those that follow. Default, and the zero Logger: the driver logs nothing.
func WithLogger(log logr.Logger) Option { return optionFunc(func(c *config) { c.log = log }) }

// WithVersion sets the driver's version in the line at start, in spans and in metrics: up to 128 printable characters, such
// as "v1.2.3". Default, and "": the version that the go command recorded in the program, which a build without version
// control does not have.
func WithVersion(version string) Option {
	return optionFunc(func(c *config) { c.signals.Version = version })
}

// WithTransportCredentials secures the connections to the driver, with TLS for example; the driver may then listen on
// TCP off loopback. For [Probe], they are the client's credentials. Default, and nil: none.
//
// Credentials in [WithServerOptions] do not allow the driver to listen off loopback, because it cannot see them there.
func WithTransportCredentials(creds credentials.TransportCredentials) Option {
	return optionFunc(func(c *config) { c.credentials = creds })
}

// WithTracerProvider traces calls with the author's own provider, whatever the environment says. Run flushes it
// when it ends, but does not shut it down. Default, and nil: the OTEL_* variables decide.
func WithTracerProvider(p trace.TracerProvider) Option {
	return optionFunc(func(c *config) { c.signals.Tracer = p })
}

// WithMeterProvider measures calls with the author's own provider, as [WithTracerProvider] traces them. The provider keeps
// its views and its resource. It replaces a reader of an earlier option.
func WithMeterProvider(p metric.MeterProvider) Option {
	return optionFunc(func(c *config) { c.signals.Meter, c.signals.Reader = p, nil })
}

// WithMetricReader measures calls for a reader such as OpenTelemetry's exporter for Prometheus, whatever the environment says
// about metrics. Run makes the provider, with the resource that the environment describes, and shuts both down when it ends. A
// reader serves one run; with one that has ended, Run fails. It replaces a provider of an earlier option. Default, and nil: none.
func WithMetricReader(r sdkmetric.Reader) Option {
	return optionFunc(func(c *config) { c.signals.Meter, c.signals.Reader = nil, r })
}

// WithGlobalMeterProvider makes the provider of the driver's metrics, if they are on, OpenTelemetry's global one as well. Clients
// that the handlers use then report where the driver does. Use it for one driver in a process: the instruments stay with the
// first one, and Run does not restore the global provider. Default: the driver does not change the global one.
func WithGlobalMeterProvider() Option {
	return optionFunc(func(c *config) { c.signals.Global = true })
}

// WithoutTelemetry turns traces and metrics off, whatever the environment says. A provider or a reader of a later option
// turns its own signal on again.
func WithoutTelemetry() Option {
	return optionFunc(func(c *config) {
		c.signals = otlp.Given{IgnoreEnv: true, Version: c.signals.Version, Global: c.signals.Global}
	})
}

// WithInterceptors adds the author's own interceptors, the first one outermost. They run innermost, around the
// handler: the driver checks and logs what they return, and recovers from their panics, as with a handler. Default: none;
// nil ones are left out.
func WithInterceptors(interceptors ...grpc.UnaryServerInterceptor) Option {
	return optionFunc(func(c *config) { c.interceptors = append(c.interceptors, interceptors...) })
}

// WithServerOptions passes options on to [grpc.NewServer], after the driver's own. Interceptors and stats handlers in
// them run outside the driver's. Interceptors of streams, stats handlers, codecs and credentials run in gRPC's own goroutines,
// where a panic ends the process.
func WithServerOptions(options ...grpc.ServerOption) Option {
	return optionFunc(func(c *config) { c.serverOptions = append(c.serverOptions, options...) })
}

// WithServices registers more gRPC services on the driver's server; [New] calls register, with a registrar that is not a
// *grpc.Server. The driver logs their calls, recovers from their panics, gives unary ones a deadline, and ends streams when
// it drains. The rules of COSI do not apply to them.
func WithServices(register func(grpc.ServiceRegistrar)) Option {
	return optionFunc(func(c *config) { c.services = append(c.services, register) })
}

// WithReady makes ready decide, at each health check, whether a driver that is listening reports SERVING: nil says
// yes. Checks that come while it runs share its answer, which counts even if they have given up. Its context ends after 5
// seconds, which counts as no, and when the driver ends. Default, and nil: always.
func WithReady(ready func(context.Context) error) Option {
	return optionFunc(func(c *config) { c.ready = ready })
}

// WithReflection registers gRPC server reflection, for tools such as grpcurl. Default: off.
func WithReflection() Option { return optionFunc(func(c *config) { c.reflection = true }) }

// WithoutRequestRules passes requests that break the specification on to the handlers, unless X_COSI_REQUEST_RULES says
// otherwise. By default the driver refuses them with INVALID_ARGUMENT, the field and the rule's ID. With this option the
// handlers have to refuse them: a missing name or id, an unknown authentication type, a value that is too long.
func WithoutRequestRules() Option { return withDefault(EnvCOSIRequestRules, "false") }

// WithoutResponseRules passes responses that break the specification on to the caller, unless X_COSI_RESPONSE_RULES says
// otherwise. By default the driver returns INTERNAL instead, and its log names the rule: the released sidecar would store such
// a response, or die of it.
func WithoutResponseRules() Option { return withDefault(EnvCOSIResponseRules, "false") }

// WithoutSerialization lets calls for one bucket run side by side. By default Create runs once at a time for a bucket's
// name, and Delete, Grant and Revoke once at a time for a bucket's id, within this process (requirement GEN-10).
func WithoutSerialization() Option {
	return optionFunc(func(c *config) { c.withoutSerialization = true })
}

// WithoutErrorTranslation sends the status codes of the author's handlers as they are. By default the driver turns a
// NOT_FOUND from Delete or Revoke into OK (DELETE-2, REVOKE-4), and an ALREADY_EXISTS from Grant into FAILED_PRECONDITION:
// the released sidecar dies of ALREADY_EXISTS (GRANT-11).
func WithoutErrorTranslation() Option {
	return optionFunc(func(c *config) { c.withoutErrorTranslation = true })
}
