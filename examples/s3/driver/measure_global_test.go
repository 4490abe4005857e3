package driver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// envGlobal tells a child that OpenTelemetry's global provider is its own.
const envGlobal = "TEST_GLOBAL_METER_PROVIDER"

// TestMeasureGlobal shows, in a process of its own, that a request costs nothing until the driver has a provider, and that the
// requests of a driver that was made before it go there.
func TestMeasureGlobal(t *testing.T) {
	if os.Getenv(envGlobal) != "" {
		measureGlobally(t)
		return
	}
	t.Parallel() // allocations are not counted beside other tests
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMeasureGlobal$", "-test.count=1")
	child.Env = append(os.Environ(), envGlobal+"=true")
	child.Dir = filepath.Join(readmeFolder, "driver")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func measureGlobally(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(server.Close)
	m := newMeasure(Settings{}, server.URL)
	if began := m.begin(t.Context()); !began.IsZero() {
		t.Errorf("a request begins at %v while nobody measures", began)
	}
	if got := testing.AllocsPerRun(100, func() { m.begin(t.Context()) }); got != 0 {
		t.Errorf("a request costs %v allocations while nobody measures", got)
	}
	reader := sdkmetric.NewManualReader()
	var data metricdata.ResourceMetrics
	runOnce(t, Settings{Endpoint: server.URL, IAMEndpoint: server.URL, AccessKey: "key", SecretKey: "secret", Region: "us-east-1"}, func() {
		if err := reader.Collect(t.Context(), &data); err != nil {
			t.Error(err)
		}
	}, gocosi.WithMetricReader(reader), gocosi.WithGlobalMeterProvider())
	for _, each := range data.ScopeMetrics {
		if each.Scope.Name == scope {
			return
		}
	}
	t.Errorf("no requests are measured, want those of the health check: %v", data.ScopeMetrics)
}

// runOnce runs a driver, asks for its health, and does something before it ends.
func runOnce(t *testing.T, s Settings, then func(), options ...gocosi.Option) {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	endpoint := "unix://" + filepath.Join(folder, "cosi.sock")
	d, err := New(s, append(options, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(endpoint))...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	if _, err := d.Addr(ctx); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	then()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// BenchmarkMeasure tells what measuring costs beside a request.
func BenchmarkMeasure(b *testing.B) {
	measured := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	for name, settings := range map[string]Settings{"off": {}, "on": {meter: measured}} {
		m := newMeasure(settings, "https://store.example.com")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if began := m.begin(b.Context()); began != (time.Time{}) {
					m.end(b.Context(), began, sent{service: "S3", operation: "ListBuckets", method: http.MethodGet, httpStatus: http.StatusOK})
				}
			}
		})
	}
}
