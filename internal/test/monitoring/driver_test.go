package monitoring_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// driver is a process that serves COSI and metrics.
type driver struct {
	cosi.ProvisionerClient

	job     string
	program string
	env     []string
	metrics string // address
	conn    *grpc.ClientConn
	process *harness.Child
}

// watch starts a driver whose metrics Prometheus can have.
func watch(t *testing.T, job, program string, env ...string) *driver {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	d := &driver{job: job, program: program, metrics: freeAddress(t)}
	endpoint := "unix://" + filepath.Join(folder, "cosi.sock")
	_, port, _ := strings.Cut(d.metrics, ":")
	d.env = append(env, "COSI_ENDPOINT="+endpoint, "OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST=127.0.0.1",
		"OTEL_EXPORTER_PROMETHEUS_PORT="+port, "LOG_LEVEL=info")
	if d.conn, err = grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.conn.Close() })
	d.ProvisionerClient = cosi.NewProvisionerClient(d.conn)
	d.start(t)
	return d
}

// start starts the process, and waits until it answers a probe as the kubelet's.
func (d *driver) start(t *testing.T) {
	t.Helper()
	log := &bytes.Buffer{}
	cmd := exec.Command(d.program)
	cmd.Stderr = log
	d.process = harness.StartChild(t, cmd, d.env...)
	probe := func() bool { return d.probe(t.Context()) == nil }
	end := time.Now().Add(harness.Limit)
	for !probe() {
		if time.Now().After(end) {
			d.process.Kill()
			t.Fatalf("%s is not ready:\n%s", d.job, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// probe asks the driver for its health, as the exec probe of its pod does.
func (d *driver) probe(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, d.program, "-healthcheck")
	cmd.Env = append(os.Environ(), d.env...)
	return cmd.Run()
}

// scrape returns what Prometheus would get; "" when it is refused.
func (d *driver) scrape(t *testing.T) string {
	t.Helper()
	response, err := http.Get("http://" + d.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}

// create asks for a bucket; only its code matters to the test.
func (d *driver) create(ctx context.Context, bucket string) {
	_, _ = d.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: bucket})
}

// troubled compiles a scaffold whose store does what the bucket's name says.
func troubled(t *testing.T, version string) (program string) {
	t.Helper()
	folder := scaffold(t, app, name)
	err := os.WriteFile(filepath.Join(folder, "servers", "provisioner", "troubled.go"), read(t, "testdata", "troubled.go.txt"), 0o600)
	main := bytes.Replace(read(t, folder, "main.go"), []byte("provisioner.NewMemory()"), []byte("provisioner.NewTroubled()"), 1)
	err = errors.Join(err, os.WriteFile(filepath.Join(folder, "main.go"), main, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, folder, version)
}

// compile builds the driver in a folder, with a version as its Dockerfile does.
func compile(t *testing.T, folder, version string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "driver")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-X main.version="+version, "-o", program, ".")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}
