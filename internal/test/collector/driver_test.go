//go:build unix

package collector_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

const (
	driverName    = "collected.example.com"
	driverVersion = "v9.8.7"

	creation = "cosi.v1alpha1.Provisioner/DriverCreateBucket"
	deletion = "cosi.v1alpha1.Provisioner/DriverDeleteBucket"
)

// undisturbed bounds a call, whatever the collector does.
const undisturbed = 10 * time.Second

// What the name of a bucket makes the driver do.
const (
	holding   = "hold"    // the creation waits for a release
	releasing = "release" // the deletion releases one
	panicking = "panic"
	gone      = "gone" // the deletion finds none
)

// TestDriver runs a driver in a process of its own. TestMain looks for leaks.
func TestDriver(t *testing.T) {
	path := os.Getenv(envDriver)
	if path == "" {
		t.Skip("runs only in a process that another test starts")
	}
	log := funcr.New(func(_, line string) { fmt.Fprintln(os.Stderr, line) }, funcr.Options{})
	driver, err := gocosi.New(gocosi.NewIdentity(driverName), handlers(), gocosi.WithVersion(driverVersion), gocosi.WithLogger(log),
		gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://"+path))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		if _, err := driver.Addr(ctx); err == nil {
			fmt.Println("listening")
		}
	}()
	if err := driver.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func handlers() *harness.Handlers {
	release := make(chan struct{})
	return &harness.Handlers{
		Create: func(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			switch r.GetName() {
			case panicking:
				panic("as asked for")
			case holding:
				select {
				case <-release:
				case <-ctx.Done():
				}
			}
			return &cosi.DriverCreateBucketResponse{BucketId: r.GetName(), BucketInfo: harness.S3Info()}, nil
		},
		Delete: func(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
			switch r.GetBucketId() {
			case gone:
				return nil, status.Error(codes.NotFound, gone)
			case releasing:
				select {
				case release <- struct{}{}:
				case <-ctx.Done():
				}
			}
			return &cosi.DriverDeleteBucketResponse{}, nil
		},
	}
}

// driver is a process that runs TestDriver, and what it has to count.
type driver struct {
	*harness.Child

	client   cosi.ProvisionerClient
	stderr   string // file of its log
	instance string // as its spans tell it

	created, panics, gone, refused int // calls
}

// startDriver starts a driver with OpenTelemetry's variables, and waits until it listens.
func startDriver(t *testing.T, variables map[string]string) *driver {
	t.Helper()
	folder := harness.ShortDir(t)
	d := &driver{stderr: filepath.Join(folder, "stderr")}
	file, err := os.OpenFile(d.stderr, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	socket := filepath.Join(folder, "cosi.sock")
	list := []string{envDriver + "=" + socket}
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	command := exec.Command(os.Args[0], "-test.run=^TestDriver$", "-test.timeout=5m")
	command.Stderr, command.SysProcAttr = file, endWithParent()
	d.Child = harness.StartChild(t, command, list...)
	if line := d.Line(t); line != "listening" {
		t.Fatalf("the driver says %q:\n%s", line, strings.Join(d.lines(), ""))
	}
	d.client = cosi.NewProvisionerClient(harness.Dial(t, socket))
	return d
}

// lines returns the lines of the driver's log that contain all the words.
func (d *driver) lines(words ...string) (found []string) {
	text, _ := os.ReadFile(d.stderr)
lines:
	for line := range strings.Lines(string(text)) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

// told counts the lines about a signal.
func (d *driver) told(signal, message string) int {
	return len(d.lines(fmt.Sprintf(`"msg"=%q`, message), fmt.Sprintf(`"signal"=%q`, signal)))
}

// stop ends the driver as a kubelet does.
func (d *driver) stop(t *testing.T) {
	t.Helper()
	if err := d.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if line := d.Line(t); line != "PASS" {
		t.Errorf("the driver says %q, want no failure:\n%s", line, strings.Join(d.lines(), ""))
	}
	if err := d.Cmd.Wait(); err != nil {
		t.Errorf("the driver ended with %v", err)
	}
	for _, line := range d.lines() {
		if !strings.Contains(line, `"msg"=`) {
			t.Errorf("the driver printed %q, want lines of its log only", line)
		}
	}
}

// work makes a call that succeeds, one that panics, one that is refused and one whose code is translated, and checks the answers.
func (d *driver) work(t *testing.T) {
	t.Helper()
	d.create(t, "good", "")
	d.panics++
	if err := d.call(t, panicking, ""); status.Code(err) != codes.Internal {
		t.Errorf("a panic is answered %v, want INTERNAL", err)
	}
	d.refused++
	if err := d.call(t, "", ""); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a request without a name is answered %v, want INVALID_ARGUMENT", err)
	}
	d.gone++
	d.remove(t, gone)
}

// create creates a bucket. The id of a trace goes with the call if there is one.
func (d *driver) create(t *testing.T, name, trace string) {
	t.Helper()
	d.created++
	if err := d.call(t, name, trace); err != nil {
		t.Errorf("a creation is answered %v, want OK", err)
	}
}

func (d *driver) call(t *testing.T, name, trace string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), undisturbed)
	defer cancel()
	if trace != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", "00-"+trace+"-"+parent+"-01")
	}
	_, err := d.client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name})
	return err
}

func (d *driver) remove(t *testing.T, id string) {
	t.Helper()
	if _, err := d.client.DriverDeleteBucket(harness.Timeout(t), &cosi.DriverDeleteBucketRequest{BucketId: id}); err != nil {
		t.Errorf("a deletion is answered %v, want OK", err)
	}
}

// counted reports what a scrape says otherwise than the driver's calls.
func (d *driver) counted(s samples) error {
	create := []string{"rpc_method", creation, "instance", d.instance}
	remove := []string{"rpc_method", deletion, "instance", d.instance}
	const durations, code = "rpc_server_call_duration_seconds_count", "rpc_response_status_code"
	return errors.Join(
		s.equals(d.panics, "gocosi_rpc_panics_total", create...),
		s.equals(d.refused, "gocosi_rpc_request_refusals_total", append(create, "gocosi_rule", "CREATE-2")...),
		s.equals(d.gone, "gocosi_rpc_translations_total", append(remove, "gocosi_rule", "DELETE-2")...),
		s.equals(d.created, durations, append(create, code, "OK")...),
		s.equals(d.panics, durations, append(create, code, "INTERNAL")...),
		s.equals(d.refused, durations, append(create, code, "INVALID_ARGUMENT")...),
	)
}
