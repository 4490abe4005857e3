package hostile_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestOptionsThatHarm gives New what would fail later. It has to say which option is wrong, and to open nothing.
func TestOptionsThatHarm(t *testing.T) {
	t.Parallel()
	echo := &harness.Echo{}
	desc := &grpc.ServiceDesc{ServiceName: "test.Typed", HandlerType: (*cosi.IdentityServer)(nil)}
	register := func(d *grpc.ServiceDesc, impl any) gocosi.Option {
		return gocosi.WithServices(func(r grpc.ServiceRegistrar) { r.RegisterService(d, impl) })
	}
	interceptor := grpc.UnaryInterceptor(passOn)
	for name, tt := range map[string]struct {
		option gocosi.Option
		says   string
	}{
		"services nil":            {gocosi.WithServices(nil), "WithServices"},
		"services panic":          {gocosi.WithServices(func(grpc.ServiceRegistrar) { panic("no") }), "WithServices: panic: no"},
		"service twice":           {gocosi.WithServices(func(r grpc.ServiceRegistrar) { echo.Register(r); echo.Register(r) }), `"test.Echo" was registered twice`},
		"service of ours":         {register(&healthpb.Health_ServiceDesc, nil), `"grpc.health.v1.Health" is the library's own`},
		"identity again":          {register(&grpc.ServiceDesc{ServiceName: "cosi.v1alpha1.Identity"}, nil), `"cosi.v1alpha1.Identity" was registered twice`},
		"service without desc":    {register(nil, echo), "without a description"},
		"service of another type": {register(desc, echo), `a *harness.Echo cannot serve "test.Typed"; want a`},
		"service without type":    {register(&grpc.ServiceDesc{ServiceName: "test.Odd"}, echo), `"test.Odd" has no type of a handler`},
		"server option nil":       {gocosi.WithServerOptions(nil), "WithServerOptions"},
		"server option among":     {gocosi.WithServerOptions(interceptor, nil), "WithServerOptions"},
		"server options clash":    {gocosi.WithServerOptions(interceptor, interceptor), "WithServerOptions: panic: "},
		"tracer is a typed nil":   {gocosi.WithTracerProvider((*sdktrace.TracerProvider)(nil)), "WithTracerProvider"},
		"meter is a typed nil":    {gocosi.WithMeterProvider((*sdkmetric.MeterProvider)(nil)), "WithMeterProvider"},
		"reader is a typed nil":   {gocosi.WithMetricReader((*sdkmetric.ManualReader)(nil)), "WithMetricReader"},
		"credentials a typed nil": {gocosi.WithTransportCredentials((*nothing)(nil)), "WithTransportCredentials"},
		"everything at once":      {gocosi.WithTransportCredentials((*nothing)(nil)), "the provisioner server is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(harness.ShortDir(t), "new")
			var provisioner cosi.ProvisionerServer = &harness.Handlers{}
			if name == "everything at once" {
				provisioner = nil
			}
			driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), provisioner, gocosi.WithEnvironment(nil),
				gocosi.WithDefaultEndpoint(filepath.Join(folder, "cosi.sock")), tt.option)
			if driver != nil || err == nil || !strings.HasPrefix(err.Error(), "gocosi: ") || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, %v; want no driver and an error with %q", driver, err, tt.says)
			}
			t.Log(err)
			if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("got %v, want nothing opened", err)
			}
		})
	}
}

type nothing struct {
	credentials.TransportCredentials
}

// TestNilOptionsThatAreHarmless gives New what it leaves out.
func TestNilOptionsThatAreHarmless(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, &harness.Handlers{}, nil, gocosi.WithInterceptors(nil), gocosi.WithInterceptors(), gocosi.WithReady(nil), gocosi.WithServerOptions(),
		gocosi.WithTracerProvider(nil), gocosi.WithMeterProvider(nil), gocosi.WithTransportCredentials(nil))
	d.Lives(t)
	if err := d.Create(harness.Timeout(t)); err != nil {
		t.Error(err)
	}
}

// addressless is a listener without an address.
type addressless struct{ net.Listener }

func (addressless) Addr() net.Addr { return nil }

// TestServeRefusesNil gives Serve no listener.
func TestServeRefusesNil(t *testing.T) {
	t.Parallel()
	for name, lis := range map[string]net.Listener{
		"nil": nil, "typed nil": (*net.UnixListener)(nil), "no address": addressless{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := harness.New(t, "/nowhere/cosi.sock", &harness.Handlers{})
			if err := driver.Serve(context.Background(), lis); err == nil || !strings.Contains(err.Error(), "want a listener") {
				t.Errorf("got %v, want an error that says so", err)
			}
		})
	}
}
