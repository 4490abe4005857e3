package cositest_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// The variables by which a child process is a front: its socket, that of the driver behind it, and what it dies of.
const (
	frontSocket  = "COSITEST_FRONT_SOCKET"
	frontBackend = "COSITEST_FRONT_BACKEND"
	frontDeath   = "COSITEST_FRONT_DEATH"
)

// front is a driver whose process may die: it passes every call on to a driver in the test's process, whose store lives on.
type front struct {
	identity    cosi.IdentityClient
	provisioner cosi.ProvisionerClient
	death       death
}

func (f *front) DriverGetInfo(ctx context.Context, r *infoQ) (*infoR, error) {
	return f.identity.DriverGetInfo(ctx, r)
}

func (f *front) DriverCreateBucket(ctx context.Context, r *createQ) (*createR, error) {
	return f.provisioner.DriverCreateBucket(ctx, r)
}

func (f *front) DriverDeleteBucket(ctx context.Context, r *deleteQ) (*deleteR, error) {
	return f.provisioner.DriverDeleteBucket(ctx, r)
}

func (f *front) DriverGrantBucketAccess(ctx context.Context, r *grantQ) (*grantR, error) {
	return f.provisioner.DriverGrantBucketAccess(ctx, r)
}

func (f *front) DriverRevokeBucketAccess(ctx context.Context, r *revokeQ) (*revokeR, error) {
	return f.provisioner.DriverRevokeBucketAccess(ctx, r)
}

func (f *front) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	after := f.death(request)
	response, err := handler(ctx, request)
	after()
	return response, err
}

// TestFront is what a supervisor runs, in a process of its own: a front that serves until its standard input ends.
func TestFront(t *testing.T) {
	path := os.Getenv(frontSocket)
	if path == "" {
		t.Skip("is run by other tests")
	}
	_ = os.Remove(path) // a process that died left it
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn := harness.Dial(t, os.Getenv(frontBackend))
	f := &front{cosi.NewIdentityClient(conn), cosi.NewProvisionerClient(conn), deaths()[os.Getenv(frontDeath)]()}
	server := grpc.NewServer(grpc.UnaryInterceptor(f.intercept))
	cosi.RegisterIdentityServer(server, f)
	cosi.RegisterProvisionerServer(server, f)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	if err := server.Serve(lis); err != nil {
		t.Fatal(err)
	}
}

// supervisor starts a front, and starts it again whenever it ends.
type supervisor struct {
	path, backend, death string

	starts  atomic.Int32
	process atomic.Pointer[os.Process] // of the front that runs
}

// supervise runs fronts of the driver until the test ends, and connects to their socket when the first one listens.
func (d *driver) supervise(t *testing.T, death string) (*supervisor, *grpc.ClientConn) {
	t.Helper()
	d.serve(t)
	s := &supervisor{backend: filepath.Join(d.folder, "cosi.sock"), death: death}
	d.cut = func() { _ = s.process.Load().Kill() }
	d.folder = harness.ShortDir(t)
	s.path = filepath.Join(d.folder, "cosi.sock")
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if err := s.front(ctx); err != nil {
				t.Error("the front cannot be started:", err)
				return
			}
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	harness.Eventually(t, func() bool {
		conn, err := net.Dial("unix", s.path)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, "no front listens")
	return s, harness.Dial(t, s.path)
}

// front runs a front until it dies, or is killed at the end.
func (s *supervisor) front(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestFront$")
	cmd.Env = append(os.Environ(), frontSocket+"="+s.path, frontBackend+"="+s.backend, frontDeath+"="+s.death)
	if _, err := cmd.StdinPipe(); err != nil { // it ends with this process, and the front with it
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process.Store(cmd.Process)
	s.starts.Add(1)
	_ = cmd.Wait() // a front ends by its death
	return nil
}
