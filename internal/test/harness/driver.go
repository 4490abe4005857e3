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

// ShortDir creates a folder with a path that leaves room for a socket's name, and removes it after the test.
func ShortDir(t testing.TB) string {
	t.Helper()
	dir, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Env returns an option that sets the driver's environment to values.
func Env(values map[string]string) gocosi.Option {
	return gocosi.WithEnvironment(func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	})
}

// New creates a driver with an empty environment and a socket at path. It does not run the driver.
func New(t testing.TB, path string, p cosi.ProvisionerServer, options ...gocosi.Option) *gocosi.Driver {
	t.Helper()
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://" + path)}, options...)
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), p, options...)
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// Running holds a driver that runs until the test ends.
type Running struct {
	Conn     *grpc.ClientConn
	Path     string            // path of the socket; "" in memory
	Listener *bufconn.Listener // nil on a socket
	Stop     func()            // asks the driver to end, as a signal does
	Done     chan error        // receives the result of Run
	Holds    inspect.Driver    // shows what the driver holds
}

// Wait stops the driver and returns the result of Run.
func (r *Running) Wait(t testing.TB) error {
	t.Helper()
	r.Stop()
	select {
	case err := <-r.Done:
		r.Done <- err // for the cleanup
		return err
	case <-time.After(Limit):
		t.Fatal("Run does not return, want it to return after Stop")
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

// Start runs a driver with an empty environment on a socket in a new folder, and stops it after the test.
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

// Serve runs a driver on a listener in memory, so that synctest can control its time. It stops the driver after the
// test.
func Serve(t testing.TB, p cosi.ProvisionerServer, options ...gocosi.Option) *Running {
	t.Helper()
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil)}, options...)
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), p, options...)
	if err != nil {
		t.Fatal(err)
	}
	lis := bufconn.Listen(1 << 20)
	r := Attach(t, lis, func(ctx context.Context) error { return driver.Serve(ctx, lis) })
	r.await(t, driver)
	return r
}

// Attach runs a driver that serves on a listener in memory, and connects to it. It does not wait for the driver.
func Attach(t testing.TB, lis *bufconn.Listener, serve func(context.Context) error) *Running {
	t.Helper()
	r := run(t, serve)
	r.Listener = lis
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	r.Conn = conn
	t.Cleanup(func() { conn.Close() })
	return r
}

// Chain starts a driver and returns its chain for calls without a network. It stops the driver after the test.
func Chain(t testing.TB, options ...gocosi.Option) Calls {
	t.Helper()
	return Calls{Serve(t, &Handlers{}, options...).Holds}
}

// Calls makes calls without a network.
type Calls struct{ inspect.Driver }

// Call calls a method, such as CreateMethod, with a handler.
func (c Calls) Call(ctx context.Context, method string, request any, handler grpc.UnaryHandler) (any, error) {
	serve := c.Method(method, func(_ any, ctx context.Context, _ func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		return interceptor(ctx, request, &grpc.UnaryServerInfo{FullMethod: method}, handler)
	})
	return serve(nil, ctx, nil, passOn)
}

// passOn is an interceptor from outside: a driver's own code for a method would bypass the handler.
func passOn(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return handler(ctx, request)
}
