//go:build linux

package process_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // as a driver has it by its exporters
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// The variables of a process that serves for a test.
const (
	serverVariable = "GOCOSI_TEST_SERVER"       // what serves: a driver, or a bare gRPC server
	filesVariable  = "GOCOSI_TEST_SERVER_FILES" // how many more files the process may open
)

const (
	driverServer = "driver"
	bareServer   = "bare"
)

// serverShutdown is the shutdown timeout of such a driver.
const serverShutdown = 2 * time.Second

// endBound limits how long a process takes to end: the shutdown timeout and the seven seconds that Run promises. A busy
// machine gets a little more.
const (
	endBound = serverShutdown + 7*time.Second
	endSlack = 3 * time.Second
)

// TestServer serves on a socket until SIGTERM. It ends the process itself: what the test's own framework prints would wait
// for whoever reads the standard error.
func TestServer(t *testing.T) {
	kind := os.Getenv(serverVariable)
	if kind == "" {
		t.Skip("runs only in a process that another test starts")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	limitFiles(t)
	path := strings.TrimPrefix(os.Getenv(gocosi.EnvCOSIEndpoint), "unix://")
	var err error
	if kind == driverServer {
		err = runDriver(ctx)
	} else {
		err = runBare(ctx, path)
	}
	fmt.Println("ended:", err)
	os.Exit(0)
}

// limitFiles lets the process open a few files only.
func limitFiles(t *testing.T) {
	t.Helper()
	more, err := strconv.Atoi(os.Getenv(filesVariable))
	if err != nil {
		return
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	limit := uint64(len(open) + more)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
}

// runDriver runs a driver that logs to the standard error. A bucket named "stuck" holds its call for good.
func runDriver(ctx context.Context) error {
	create := func(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		if r.GetName() == "stuck" {
			select {}
		}
		return &cosi.DriverCreateBucketResponse{BucketId: r.GetName(), BucketInfo: harness.S3Info()}, nil
	}
	driver, err := gocosi.New(gocosi.NewIdentity("server.example.com"), &harness.Handlers{Create: create},
		gocosi.WithDefaultShutdownTimeout(serverShutdown), gocosi.WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))))
	if err != nil {
		return err
	}
	go func() {
		if addr, err := driver.Addr(ctx); err == nil {
			fmt.Println("listening:", addr)
		}
	}()
	return driver.Run(ctx)
}

// runBare runs a gRPC server that refuses every bucket, as the driver's rules do.
func runBare(ctx context.Context, path string) error {
	lis, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	cosi.RegisterProvisionerServer(server, &harness.Handlers{
		Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			return nil, status.Error(codes.InvalidArgument, "name is too long")
		},
	})
	context.AfterFunc(ctx, server.Stop)
	fmt.Println("listening:", path)
	return server.Serve(lis)
}

// serve starts a process that serves on a socket, and kills it after the test. It writes its log to stderr.
func serve(t *testing.T, kind string, stderr io.Writer, variables ...string) (p process, path string) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(harness.ShortDir(t), "cosi.sock")
	command := exec.Command(executable, "-test.run=^TestServer$")
	command.Stderr = stderr
	p = process{harness.StartChild(t, command, append(variables, serverVariable+"="+kind, "COSI_ENDPOINT=unix://"+path)...)}
	p.says(t, "listening")
	return p, path
}

// terminate ends the process by SIGTERM. It returns what the process said last, and how long it took to exit.
func (p process) terminate(t *testing.T) (ended string, took time.Duration) {
	t.Helper()
	begun := time.Now()
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended = p.says(t, "ended")
	if err := p.Cmd.Wait(); err != nil {
		t.Errorf("the process failed: %v", err)
	}
	return ended, time.Since(begun)
}
