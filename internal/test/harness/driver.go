package harness

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/inspect"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// ShortDir makes a folder whose path leaves room for a socket's name, and removes it after the test.
func ShortDir(t testing.TB) string {
	t.Helper()
	dir, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Env makes values the driver's environment.
func Env(values map[string]string) gocosi.Option {
	return gocosi.WithEnvironment(func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	})
}

// New makes a driver without environment on a socket at path, without running it.
func New(t testing.TB, path string, p cosi.ProvisionerServer, options ...gocosi.Option) *gocosi.Driver {
	t.Helper()
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://" + path)}, options...)
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), p, options...)
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// Running is a driver that runs until the test ends.
type Running struct {
	Conn     *grpc.ClientConn
	Path     string            // of the socket; "" in memory
	Listener *bufconn.Listener // nil on a socket
	Stop     func()            // asks the driver to end, as a signal would
	Done     chan error        // what Run returned
	Holds    inspect.Driver    // what the driver holds
}

// Wait stops the driver and returns what Run returned.
func (r *Running) Wait(t testing.TB) error {
	t.Helper()
	r.Stop()
	select {
	case err := <-r.Done:
		r.Done <- err // for the clean-up
		return err
	case <-time.After(Limit):
		t.Fatal("Run does not return")
		return nil
	}
}

// run runs a driver until the test ends.
func run(t testing.TB, run func(context.Context) error) *Running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &Running{Stop: stop, Done: make(chan error, 1)}
	ctx = inspect.With(ctx, func(d inspect.Driver) { r.Holds = d })
	go func() { r.Done <- run(ctx) }()
	t.Cleanup(func() { _ = r.Wait(t) })
	return r
}

// await waits until the driver listens.
func (r *Running) await(t testing.TB, driver *gocosi.Driver) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	if _, err := driver.Addr(ctx); err != nil {
		t.Fatal(err, r.Wait(t))
	}
}

// Start runs a driver without environment on a socket in a folder of its own, and stops it after the test.
func Start(t testing.TB, p cosi.ProvisionerServer, options ...gocosi.Option) *Running {
	t.Helper()
	path := filepath.Join(ShortDir(t), "cosi.sock")
	driver := New(t, path, p, options...)
	r := run(t, driver.Run)
	r.await(t, driver)
	r.Path, r.Conn = path, Dial(t, path)
	return r
}

// Dial connects to a socket, and closes the connection after the test.
func Dial(t testing.TB, path string) *grpc.ClientConn {
	t.Helper()
	conn, err := address.Socket(path).Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Serve runs a driver on a listener in memory, for use within synctest: no time passes in it. The test ends it.
func Serve(t testing.TB, p cosi.ProvisionerServer, options ...gocosi.Option) *Running {
	t.Helper()
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil)}, options...)
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), p, options...)
	if err != nil {
		t.Fatal(err)
	}
	lis := bufconn.Listen(1 << 20)
	r := run(t, func(ctx context.Context) error { return driver.Serve(ctx, lis) })
	r.Listener = lis
	r.await(t, driver)
	r.Conn, err = grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Conn.Close() })
	return r
}

// Chain returns what a driver puts around each call, for calls without a network; the driver ends with the test.
func Chain(t testing.TB, options ...gocosi.Option) Calls {
	t.Helper()
	return Calls{Serve(t, &Handlers{}, options...).Holds}
}

// Calls makes calls without a network.
type Calls struct{ inspect.Driver }

// Call makes a call of the method, such as CreateMethod.
func (c Calls) Call(ctx context.Context, method string, request any, handler grpc.UnaryHandler) (any, error) {
	return c.Unary(ctx, request, &grpc.UnaryServerInfo{FullMethod: method}, handler)
}
