package gocosi_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
)

// otelCanary stands for a secret.
const otelCanary = "canary-7f3a"

// The bound on flushing telemetry, and what a busy machine may add to it.
const (
	flushBound = 5 * time.Second
	flushSlack = 5 * time.Second
)

// telemetryChild names the folder in which a test binary, started by a test, plays a driver. OpenTelemetry's variables
// are those of a process, and what its SDK prints goes to the streams of a process.
const telemetryChild = "GOCOSI_TEST_TELEMETRY_CHILD"

// TestTelemetryChild is the driver in a process of its own; TestMain looks for what it leaves behind.
func TestTelemetryChild(t *testing.T) {
	dir := os.Getenv(telemetryChild)
	if dir == "" {
		t.Skip("runs only in a process that another test starts")
	}
	file, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	log := funcr.New(func(_, line string) { fmt.Fprintln(file, line) }, funcr.Options{})
	driver, err := gocosi.New(gocosi.NewIdentity("child.example.com"), leakyHandlers(), gocosi.WithEnvironment(nil), gocosi.WithLogger(log),
		gocosi.WithDefaultEndpoint("unix://"+filepath.Join(dir, "cosi.sock")), gocosi.WithReflection())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	stopped := make(chan time.Time, 1)
	context.AfterFunc(ctx, func() { stopped <- time.Now() })
	if err := driver.Run(ctx); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(file, "ended after", time.Since(<-stopped))
}

// leakyHandlers hold secrets wherever a driver can, and fail in every way, as the name of a bucket says.
func leakyHandlers() *handlers {
	return &handlers{
		create: func(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			const text = "post https://user:" + otelCanary + "@backend"
			switch kind, _, _ := strings.Cut(r.GetName(), "-"); kind {
			case "panic":
				panic(text)
			case "error":
				return nil, errors.New(text)
			case "status":
				return nil, status.Error(codes.Internal, text)
			}
			return &cosi.DriverCreateBucketResponse{BucketId: "id-" + r.GetName(), BucketInfo: s3Info()}, nil
		},
		delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
			return nil, status.Error(codes.NotFound, "gone")
		},
		grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
			keys := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: otelCanary, AccessSecretKey: otelCanary}
			return &cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: keys.Map()},
				status.Error(codes.Internal, "cannot store "+otelCanary)
		},
	}
}

// otelChild is a process that runs TestTelemetryChild.
type otelChild struct {
	dir     string
	command *exec.Cmd
	output  bytes.Buffer // of both streams
	conn    *grpc.ClientConn
	started time.Duration // until it listened
}

// startOTelChild starts a driver in a process with OpenTelemetry's variables.
func startOTelChild(t *testing.T, variables map[string]string) *otelChild {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM on Windows")
	}
	c := &otelChild{dir: shortDir(t)}
	c.command = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTelemetryChild$", "-test.timeout=2m")
	c.command.Stdout, c.command.Stderr = &c.output, &c.output
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OTEL_") {
			c.command.Env = append(c.command.Env, v)
		}
	}
	c.command.Env = append(c.command.Env, telemetryChild+"="+c.dir)
	for name, value := range variables {
		c.command.Env = append(c.command.Env, name+"="+value)
	}
	begin := time.Now()
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.command.ProcessState == nil {
			_ = c.command.Process.Kill()
			_ = c.command.Wait()
		}
	})
	eventually(t, func() bool { return strings.Contains(c.log(), "driver listening") }, "the child does not listen")
	c.started = time.Since(begin)
	c.conn = dial(t, filepath.Join(c.dir, "cosi.sock"))
	return c
}

// log is what the child has logged.
func (c *otelChild) log() string {
	text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	return string(text)
}

// stop ends the child by SIGTERM and returns what it has logged, and how long Run took to return.
func (c *otelChild) stop(t *testing.T) (lines []string, took time.Duration) {
	t.Helper()
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.command.Wait(); err != nil {
		t.Errorf("the child failed: %v", err)
	}
	for line := range strings.Lines(c.output.String()) {
		if line != "PASS\n" && !strings.HasPrefix(line, "coverage: ") {
			t.Errorf("the child printed %q", line)
		}
	}
	lines = strings.Split(strings.TrimSpace(c.log()), "\n")
	last := lines[len(lines)-1]
	took, err := time.ParseDuration(strings.TrimPrefix(last, "ended after "))
	if err != nil {
		t.Errorf("the last line is %q", last)
	}
	return lines, took
}

// tracedCallers is how many calls the tests have under way at once.
const tracedCallers = 8

// tracedCalls makes a call for each name, as callers that trace do, and returns the trace ids.
func tracedCalls(t *testing.T, conn *grpc.ClientConn, names []string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	work := make(chan [2]string)
	var group sync.WaitGroup
	for range tracedCallers {
		group.Go(func() {
			for w := range work {
				ctx := metadata.AppendToOutgoingContext(timeout(t), "traceparent", "00-"+w[0]+"-00f067aa0ba902b7-01")
				callByName(ctx, cosi.NewProvisionerClient(conn), w[1])
			}
		})
	}
	for i, name := range names {
		id := fmt.Sprintf("%032x", i+1)
		ids[id] = true
		work <- [2]string{id, name}
	}
	close(work)
	group.Wait()
	return ids
}

func TestEverythingArrivesBeforeAnEarlyStop(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 5000 {
		kinds := []string{"good", "good", "good", "good", "panic", "error", "status", "delete", "grant", "good"}
		names = append(names, fmt.Sprintf("%s-%d", kinds[i%len(kinds)], i))
	}
	for _, test := range []struct {
		protocol, service, want string
	}{
		{protocol: "grpc", want: "child.example.com"},
		{protocol: "http/protobuf", service: "mine", want: "mine"},
	} {
		t.Run(test.protocol, func(t *testing.T) {
			t.Parallel()
			receiver := otlptest.Start(t, test.protocol)
			c := startOTelChild(t, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": test.protocol,
				"OTEL_BSP_MAX_QUEUE_SIZE": "8192", "OTEL_SERVICE_NAME": test.service,
			})
			callPlumbing(t, c.conn)
			ids := tracedCalls(t, c.conn, names)
			c.stop(t)

			for _, span := range receiver.Spans() {
				id := hex.EncodeToString(span.GetTraceId())
				if !ids[id] || hex.EncodeToString(span.GetParentSpanId()) != "00f067aa0ba902b7" {
					t.Errorf("a span that nobody sent, or came twice: %s of %x, %s", id, span.GetParentSpanId(), span.GetName())
				}
				delete(ids, id)
			}
			if len(ids) > 0 {
				t.Errorf("the spans of %d calls did not arrive", len(ids))
			}
			if got := receiver.Counter("grpc_req_panics_recovered_total"); len(got) != 1 || got["DriverCreateBucket"] != 500 {
				t.Errorf("panics counted: %v", got)
			}
			if got := receiver.Counter("gocosi.rpc.translations"); len(got) != 1 || got["DriverDeleteBucket,DELETE-2"] != 500 {
				t.Errorf("translations counted: %v", got)
			}
			for method := range receiver.Observations("rpc.server.call.duration", "rpc.method") {
				if !strings.HasPrefix(method, "cosi.v1alpha1.Provisioner/") {
					t.Errorf("measured: %s", method)
				}
			}
			if got := receiver.Resource("service.name"); len(got) != 1 || got[0] != test.want {
				t.Errorf("service.name is %q, not %q", got, test.want)
			}
			if text := receiver.Text(); strings.Contains(text, otelCanary) || !strings.Contains(text, "[redacted]@backend") {
				t.Errorf("a secret was exported, or nothing in its place")
			}
		})
	}
}

// callByName makes the call that the name asks for.
func callByName(ctx context.Context, p cosi.ProvisionerClient, name string) {
	parameters := map[string]string{"key": otelCanary}
	switch kind, _, _ := strings.Cut(name, "-"); kind {
	case "delete":
		_, _ = p.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: name, DeleteContext: parameters})
	case "grant":
		_, _ = p.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
			BucketId: name, Name: "account", AuthenticationType: cosi.AuthenticationType_Key, Parameters: parameters,
		})
	default:
		_, _ = p.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name, Parameters: parameters})
	}
}

// callPlumbing calls health and reflection.
func callPlumbing(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	if _, err := healthpb.NewHealthClient(conn).Check(timeout(t), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	if err := errors.Join(stream.Send(request), stream.CloseSend()); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Error(err)
	}
	_, _ = stream.Recv() // its end
}

// A collector that is in trouble delays neither start nor exit, fills no log and leaves nothing behind.
func TestCollectorInTrouble(t *testing.T) {
	t.Parallel()
	const calls = 50
	var names []string
	for i := range calls {
		names = append(names, fmt.Sprintf("good-%d", i))
	}
	silent := func(t *testing.T, _ string) string { return otlptest.Mute(t, "http") }
	unavailable := func(t *testing.T, protocol string) string {
		receiver := otlptest.Start(t, protocol)
		receiver.Refuse("busy, says https://user:" + otelCanary + "@collector")
		return receiver.URL
	}
	often := map[string]string{ // exports, so that many fail while the driver runs
		"OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BSP_EXPORT_TIMEOUT": "50",
		"OTEL_METRIC_EXPORT_INTERVAL": "50", "OTEL_METRIC_EXPORT_TIMEOUT": "200",
	}
	for _, test := range []struct {
		name      string
		collector func(t *testing.T, protocol string) string
		variables map[string]string
	}{
		{name: "down", collector: func(t *testing.T, _ string) string { return otlptest.Down(t) }},
		{name: "silent", collector: silent},
		{name: "unavailable", collector: unavailable},
		{name: "unavailable for long", collector: unavailable, variables: often},
	} {
		for _, protocol := range []string{"grpc", "http/protobuf"} {
			t.Run(test.name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				variables := map[string]string{
					"OTEL_EXPORTER_OTLP_ENDPOINT": test.collector(t, protocol), "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
					"OTEL_EXPORTER_OTLP_HEADERS": "authorization=" + otelCanary,
				}
				maps.Copy(variables, test.variables)
				c := startOTelChild(t, variables)
				if c.started > flushBound+flushSlack {
					t.Errorf("the start took %s", c.started)
				}
				tracedCalls(t, c.conn, names)
				lines, took := c.stop(t)
				if took > flushBound+flushSlack {
					t.Errorf("the exit took %s", took)
				}
				text := strings.Join(lines, "\n")
				if n := strings.Count(text, "telemetry cannot be exported"); n != 2 {
					t.Errorf("%d first failures, not 2", n)
				}
				if n := strings.Count(text, "telemetry was lost"); n != 2 {
					t.Errorf("%d losses, not 2", n)
				}
				if n := strings.Count(text, `"signal"=`); n != 4 {
					t.Errorf("%d lines about exports, not 4", n)
				}
				const others = 10 // about the driver and its handlers, whatever the collector does
				if len(lines) > calls+4+others || strings.Contains(text, otelCanary) || t.Failed() {
					t.Errorf("%d lines:\n%s", len(lines), text)
				}
			})
		}
	}
}

func TestStartLineSaysWhetherThereIsTelemetryAndWhy(t *testing.T) {
	receiver := otlptest.Start(t, "grpc")
	for _, test := range []struct {
		name      string
		variables map[string]string
		options   []gocosi.Option
		want      string
	}{
		{
			name:      "off",
			variables: map[string]string{"OTEL_SERVICE_NAME": "x"},
			want:      `"traces"="off: neither an exporter nor an OTLP endpoint is named" "metrics"="off: neither`,
		},
		{
			name:      "on",
			variables: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL, "OTEL_METRICS_EXPORTER": "none"},
			want:      `"traces"="on: OTEL_EXPORTER_OTLP_ENDPOINT is set" "metrics"="off: OTEL_METRICS_EXPORTER is none"`,
		},
		{
			name:      "off by an option",
			variables: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL},
			options:   []gocosi.Option{gocosi.WithoutTelemetry()},
			want:      `"traces"="off: turned off by WithoutTelemetry" "metrics"="off: turned off`,
		},
		{
			name:      "on by an option",
			variables: map[string]string{"OTEL_SDK_DISABLED": "true"},
			options:   []gocosi.Option{gocosi.WithMeterProvider(noopmetric.NewMeterProvider())},
			want:      `"traces"="off: OTEL_SDK_DISABLED is true" "metrics"="on: a provider is given"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.variables {
				t.Setenv(name, value)
			}
			l := &logs{}
			d := start(t, &handlers{}, append(test.options, gocosi.WithLogger(l.logger()))...)
			if line := l.wait(t, "driver listening"); !strings.Contains(line, test.want) {
				t.Errorf("got %s\nwant %s", line, test.want)
			}
			if err := d.wait(t); err != nil {
				t.Error(err)
			}
		})
	}
	if n := receiver.Exports(); n != 0 {
		t.Errorf("%d exports, though there was nothing to export", n)
	}
}

// Telemetry that nobody asked for costs a call nothing. A handler over providers that do nothing would allocate some 20
// times for each call; what timers and buffers do besides the call is allowed for with less than a quarter of that.
func TestTelemetryThatIsOffCostsNothing(t *testing.T) {
	const noise = 4
	t.Setenv("OTEL_SERVICE_NAME", "x")
	unasked := allocationsPerCall(t)
	without := allocationsPerCall(t, gocosi.WithoutTelemetry())
	given := allocationsPerCall(t, gocosi.WithTracerProvider(nooptrace.NewTracerProvider()))
	t.Logf("allocations for each call: %v unasked, %v without, %v with a provider that does nothing", unasked, without, given)
	if unasked > without+noise {
		t.Errorf("%v allocations for each call, but %v with WithoutTelemetry", unasked, without)
	}
	if given <= without+noise {
		t.Errorf("%v allocations with a handler, %v without one: this test proves nothing", given, without)
	}
}

// allocationsPerCall is how many there are for each call, of client and server together.
func allocationsPerCall(t *testing.T, options ...gocosi.Option) float64 {
	t.Helper()
	client := cosi.NewIdentityClient(start(t, &handlers{}, options...).conn)
	ctx := timeout(t)
	return testing.AllocsPerRun(500, func() {
		if _, err := client.DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{}); err != nil {
			t.Error(err)
		}
	})
}

// otelSignals says which ones a variable governs.
type otelSignals struct{ traces, metrics bool }

// otelRefusals lists malformed variables, with what the error must say is accepted.
func otelRefusals(t *testing.T) []otelRefusal {
	t.Helper()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const url, pairs, pem, number = "http://localhost:4317", "name=value", "PEM", "10000"
	values := map[string][][2]string{ // by the end of a variable's name: value, what is accepted
		"ENDPOINT": {
			{"collector:4317", url},
			{"collector", url},
			{"http://", url},
			{"unix:///collector.sock", url},
			{"ftp://user:" + otelCanary + "@collector", url},
			{"http://user:" + otelCanary + "@", url},
			{"http://user:" + otelCanary + "%zz@collector", url},
			{"http://user:x " + otelCanary + "@collector", url},
			{`http://user:x"` + otelCanary + "@collector:x", url},
			{"http://user:a@" + otelCanary + "@collector:x", url},
		},
		"PROTOCOL": {{"http", "grpc and http/protobuf"}, {"http/json", "grpc and http/protobuf"}, {"GRPC", "grpc and http/protobuf"}},
		"HEADERS": {
			{otelCanary, pairs},
			{"=" + otelCanary, pairs},
			{"a b=" + otelCanary, pairs},
			{"a=" + otelCanary + "%zz", pairs},
			{"a=" + otelCanary + "%0Ab", pairs},
			{"a=b," + otelCanary, pairs},
			{"a=" + otelCanary + ",", pairs},
		},
		"CERTIFICATE": {{"/nonexistent/ca.pem", pem}, {empty, pem}},
		"COMPRESSION": {{"zip", "gzip and none"}, {"GZIP", "gzip and none"}},
		"TIMEOUT":     {{"10s", number}, {"-1", number}, {"1.5", number}, {"99999999999", number}},
	}
	var all []otelRefusal
	for infix, s := range map[string]otelSignals{"": {true, true}, "TRACES_": {traces: true}, "METRICS_": {metrics: true}} {
		for name, rows := range values {
			for _, row := range rows {
				all = append(all, otelRefusal{"OTEL_EXPORTER_OTLP_" + infix + name, row[0], row[1], s})
			}
		}
	}
	for name, s := range map[string]otelSignals{"OTEL_TRACES_EXPORTER": {traces: true}, "OTEL_METRICS_EXPORTER": {metrics: true}} {
		for _, value := range []string{"prometheus", "console", "otlp,none", "OTLP"} {
			all = append(all, otelRefusal{name, value, "otlp and none", s}, otelRefusal{name, value, "WithTracerProvider or WithMeterProvider", s})
		}
	}
	return all
}

type otelRefusal struct {
	variable, value, accepted string
	governs                   otelSignals
}

func TestNewRefusesMalformedVariables(t *testing.T) {
	tracer := gocosi.WithTracerProvider(nooptrace.NewTracerProvider())
	meter := gocosi.WithMeterProvider(noopmetric.NewMeterProvider())
	for _, test := range otelRefusals(t) {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			for _, row := range []struct {
				name    string
				options []gocosi.Option
				refused bool
			}{
				{name: "no option", refused: true},
				{name: "without telemetry", options: []gocosi.Option{gocosi.WithoutTelemetry()}},
				{name: "a tracer", options: []gocosi.Option{tracer}, refused: test.governs.metrics},
				{name: "a meter", options: []gocosi.Option{meter}, refused: test.governs.traces},
				{name: "both", options: []gocosi.Option{tracer, meter}},
				{name: "without telemetry, but a tracer", options: []gocosi.Option{gocosi.WithoutTelemetry(), tracer}},
			} {
				driver, err := otelDriver(row.options...)
				if (err != nil) != row.refused || (driver == nil) != row.refused {
					t.Errorf("%s: got %v, %v", row.name, driver, err)
				}
				if err == nil {
					continue
				}
				text := err.Error()
				if !strings.Contains(text, test.variable+": ") || !strings.Contains(text, test.accepted) || strings.Contains(text, otelCanary) {
					t.Errorf("%s: got %q, which must name %s and %q, and hold no secret", row.name, text, test.variable, test.accepted)
				}
			}
			t.Setenv("OTEL_SDK_DISABLED", "true")
			if _, err := otelDriver(); err != nil {
				t.Errorf("disabled: %v", err)
			}
		})
	}
}

func otelDriver(options ...gocosi.Option) (*gocosi.Driver, error) {
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil)}, options...)
	return gocosi.New(gocosi.NewIdentity("test.example.com"), &handlers{}, options...)
}

func TestNewNamesAllMalformedVariablesAtOnce(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "smoke")
	t.Setenv("OTEL_METRICS_EXPORTER", "pigeon")
	_, err := otelDriver(gocosi.WithDefaultEndpoint("nowhere"))
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_METRICS_EXPORTER", "WithDefaultEndpoint",
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
}

func TestNewAcceptsWellFormedVariables(t *testing.T) {
	secure := otlptest.StartTLS(t, "http/protobuf")
	for name, values := range map[string][]string{
		"ENDPOINT":    {"http://localhost:4317", "https://user:word@collector/base?a=b", "HTTP://[::1]:4318", " http://collector "},
		"PROTOCOL":    {"grpc", "http/protobuf", " grpc"},
		"HEADERS":     {"a=b", "a=b,c=d%20e", "a=", " a = b , c=d=e", "authorization=Basic%20eA=="},
		"CERTIFICATE": {secure.Certificate},
		"COMPRESSION": {"gzip", "none"},
		"TIMEOUT":     {"0", "10000"},
	} {
		for _, infix := range []string{"", "TRACES_", "METRICS_"} {
			for _, value := range append(values, "", " ") {
				t.Run(infix+name+"="+value, func(t *testing.T) {
					t.Setenv("OTEL_EXPORTER_OTLP_"+infix+name, value)
					if _, err := otelDriver(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// metricSink counts exports of metrics.
type metricSink struct {
	sdkmetric.Exporter
	mu    sync.Mutex
	count int
	ended bool
}

func (*metricSink) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

func (*metricSink) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (e *metricSink) Export(context.Context, *metricdata.ResourceMetrics) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	return nil
}

func (*metricSink) ForceFlush(context.Context) error { return nil }

func (e *metricSink) Shutdown(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	return nil
}

func (e *metricSink) state() (count int, ended bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count, e.ended
}

func TestGivenProvidersBeatTheEnvironmentAndLiveOn(t *testing.T) {
	receiver := otlptest.Start(t, "grpc")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon") // not even looked at
	spans := tracetest.NewInMemoryExporter()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	values := &metricSink{}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(values)))
	t.Cleanup(func() {
		if err := errors.Join(tracer.Shutdown(context.Background()), meter.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})

	for run := 1; run <= 2; run++ { // the second shows that the first did not shut them down
		d := start(t, &handlers{}, gocosi.WithTracerProvider(tracer), gocosi.WithMeterProvider(meter))
		if _, err := cosi.NewIdentityClient(d.conn).DriverGetInfo(timeout(t), &cosi.DriverGetInfoRequest{}); err != nil {
			t.Fatal(err)
		}
		if err := d.wait(t); err != nil {
			t.Fatal(err)
		}
		if got := spans.GetSpans(); len(got) != run || got[0].Name != "cosi.v1alpha1.Identity/DriverGetInfo" {
			t.Errorf("run %d: spans %v", run, got)
		}
		if count, ended := values.state(); count != run || ended {
			t.Errorf("run %d: metrics were exported %d times; shut down: %t", run, count, ended)
		}
	}
	if n := receiver.Exports(); n != 0 {
		t.Errorf("%d exports went where the environment says", n)
	}
}

// deafProvider is a provider, of both signals, that ignores the context of a flush.
type deafProvider struct{ released chan struct{} }

func (d deafProvider) ForceFlush(context.Context) error { <-d.released; return nil }

type (
	deafTracer struct {
		nooptrace.TracerProvider
		deafProvider
	}
	deafMeter struct {
		noopmetric.MeterProvider
		deafProvider
	}
)

func TestGivenProviderThatIgnoresItsContextDoesNotHoldUpRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deafProvider{released: make(chan struct{})}
		defer close(d.released)
		l := &logs{}
		driver, err := otelDriver(gocosi.WithLogger(l.logger()),
			gocosi.WithTracerProvider(deafTracer{deafProvider: d}), gocosi.WithMeterProvider(deafMeter{deafProvider: d}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		begin := time.Now()
		if err := driver.Serve(ctx, bufconn.Listen(1)); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin) - time.Minute; took > flushBound {
			t.Errorf("the end took %s", took)
		}
		if lines := l.lines("does not heed its context"); len(lines) != 1 {
			t.Errorf("%d lines, not one", len(lines))
		}
	})
}

func TestSetsNoGlobal(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlptest.Start(t, "grpc").URL)
	globals := func() [4]any {
		return [4]any{otel.GetTracerProvider(), otel.GetMeterProvider(), otel.GetTextMapPropagator(), otel.GetErrorHandler()}
	}
	before := globals()
	for name, options := range map[string][]gocosi.Option{
		"environment": nil,
		"given": {
			gocosi.WithTracerProvider(nooptrace.NewTracerProvider()), gocosi.WithMeterProvider(noopmetric.NewMeterProvider()),
		},
	} {
		d := start(t, &handlers{}, options...)
		if _, err := cosi.NewIdentityClient(d.conn).DriverGetInfo(timeout(t), &cosi.DriverGetInfoRequest{}); err != nil {
			t.Fatal(err)
		}
		during := globals()
		if err := d.wait(t); err != nil {
			t.Fatal(err)
		}
		if during != before || globals() != before {
			t.Errorf("%s: got %v and %v, want %v", name, during, globals(), before)
		}
	}
}
