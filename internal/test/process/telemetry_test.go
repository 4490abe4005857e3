//go:build unix

package process_test

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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
)

// otelCanary stands for a secret.
const otelCanary = "canary-7f3a"

// The bound on flushing telemetry, and the additional time of a busy machine.
const (
	flushBound = 5 * time.Second
	flushSlack = 5 * time.Second
)

// telemetryChild names the variable with the folder of a driver that a test starts as a process. OpenTelemetry's
// variables belong to a process, and its SDK prints to the streams of a process.
const telemetryChild = "GOCOSI_TEST_TELEMETRY_CHILD"

// TestTelemetryChild runs the driver in a process of its own. TestMain looks for leaks.
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

// leakyHandlers put secrets wherever a driver can, and fail in the way that the name of a bucket says.
func leakyHandlers() *harness.Handlers {
	return &harness.Handlers{
		Create: func(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			const text = "post https://user:" + otelCanary + "@backend"
			switch kind, _, _ := strings.Cut(r.GetName(), "-"); kind {
			case "panic":
				panic(text)
			case "error":
				return nil, errors.New(text)
			case "status":
				return nil, status.Error(codes.Internal, text)
			}
			return &cosi.DriverCreateBucketResponse{BucketId: "id-" + r.GetName(), BucketInfo: harness.S3Info()}, nil
		},
		Delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
			return nil, status.Error(codes.NotFound, "gone")
		},
		Grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
			keys := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: otelCanary, AccessSecretKey: otelCanary}
			return &cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: keys.Map()},
				status.Error(codes.Internal, "cannot store "+otelCanary)
		},
	}
}

// otelChild holds a process that runs TestTelemetryChild.
type otelChild struct {
	dir     string
	command *exec.Cmd
	output  bytes.Buffer // standard output and standard error
	conn    *grpc.ClientConn
	started time.Duration // time until it listened
}

// startOTelChild starts a driver in a process with OpenTelemetry's variables.
func startOTelChild(t *testing.T, variables map[string]string) *otelChild {
	t.Helper()
	c := &otelChild{dir: harness.ShortDir(t)}
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
	harness.Eventually(t, func() bool { return strings.Contains(c.log(), "driver listening") }, "the child does not listen")
	c.started = time.Since(begin)
	c.conn = harness.Dial(t, filepath.Join(c.dir, "cosi.sock"))
	return c
}

// log returns the child's log.
func (c *otelChild) log() string {
	text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	return string(text)
}

// stop ends the child with SIGTERM. It returns the child's log, and how long Run took to return.
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

// tracedCallers is the number of calls at the same time.
const tracedCallers = 8

// tracedCalls makes a traced call for each name and returns the trace IDs.
func tracedCalls(t *testing.T, conn *grpc.ClientConn, names []string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	work := make(chan [2]string)
	var group sync.WaitGroup
	for range tracedCallers {
		group.Go(func() {
			for w := range work {
				ctx := metadata.AppendToOutgoingContext(harness.Timeout(t), "traceparent", "00-"+w[0]+"-00f067aa0ba902b7-01")
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
					t.Errorf("got the span %s of %x, %s; want one span for each call", id, span.GetParentSpanId(), span.GetName())
				}
				delete(ids, id)
			}
			if len(ids) > 0 {
				t.Errorf("the spans of %d calls are missing; want none missing", len(ids))
			}
			if got := receiver.Counter("gocosi.rpc.panics"); got["cosi.v1alpha1.Provisioner/DriverCreateBucket"] != 500 {
				t.Errorf("counted the panics %v; want 500 of DriverCreateBucket", got)
			}
			if got := receiver.Counter("gocosi.rpc.translations"); got["DELETE-2,cosi.v1alpha1.Provisioner/DriverDeleteBucket"] != 500 {
				t.Errorf("counted the translations %v; want 500 of DriverDeleteBucket", got)
			}
			for method := range receiver.Observations("rpc.server.call.duration", "rpc.method") {
				if !strings.HasPrefix(method, "cosi.v1alpha1.Provisioner/") {
					t.Errorf("measured %s; want only the Provisioner's methods", method)
				}
			}
			if got := receiver.Resource("service.name"); len(got) != 1 || got[0] != test.want {
				t.Errorf("service.name is %q; want %q", got, test.want)
			}
			if text := receiver.Text(); strings.Contains(text, otelCanary) || !strings.Contains(text, "[redacted]@backend") {
				t.Errorf("an export holds a secret or lacks the redacted text; want [redacted]@backend")
			}
		})
	}
}

// callByName makes the call that the name selects.
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
	if _, err := healthpb.NewHealthClient(conn).Check(harness.Timeout(t), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(harness.Timeout(t))
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
	_, _ = stream.Recv() // waits for its end
}

// A broken collector delays neither the start nor the exit, does not fill the log, and leaves nothing behind.
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
	often := map[string]string{ // makes many exports fail while the driver runs
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
					t.Errorf("%d first failures; want 2", n)
				}
				if n := strings.Count(text, "telemetry was lost"); n != 2 {
					t.Errorf("%d losses; want 2", n)
				}
				if n := strings.Count(text, `"signal"=`); n != 4 {
					t.Errorf("%d lines about exports; want 4", n)
				}
				const others = 10 // lines about the driver and its handlers
				if len(lines) > calls+4+others || strings.Contains(text, otelCanary) || t.Failed() {
					t.Errorf("%d lines:\n%s", len(lines), text)
				}
			})
		}
	}
}
