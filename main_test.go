package gocosi_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// handlers is a Provisioner server made of functions; those that are nil answer with a fixed success.
type handlers struct {
	create func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error)
	delete func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error)
	grant  func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error)
	revoke func(context.Context, *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error)
}

func (h *handlers) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	if h.create != nil {
		return h.create(ctx, r)
	}
	return &cosi.DriverCreateBucketResponse{BucketId: "id-" + r.GetName(), BucketInfo: s3Info()}, nil
}

func (h *handlers) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	if h.delete != nil {
		return h.delete(ctx, r)
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

func (h *handlers) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	if h.grant != nil {
		return h.grant(ctx, r)
	}
	keys := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: "key-" + r.GetName(), AccessSecretKey: "secret-" + r.GetName()}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: "id-" + r.GetName(), Credentials: keys.Map()}, nil
}

func (h *handlers) DriverRevokeBucketAccess(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	if h.revoke != nil {
		return h.revoke(ctx, r)
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

// s3Info says that a bucket speaks S3.
func s3Info() *cosi.Protocol {
	return &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{SignatureVersion: cosi.S3SignatureVersion_S3V4}}}
}

// logs keeps the lines of a logger. Safe for concurrent use.
type logs struct {
	mu   sync.Mutex
	text []string
}

// logger returns a logger at the highest verbosity, whose lines logs keeps.
func (l *logs) logger() logr.Logger {
	return funcr.New(func(_, line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.text = append(l.text, line)
	}, funcr.Options{Verbosity: 10})
}

// lines returns the lines that hold all the words.
func (l *logs) lines(words ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
lines:
	for _, line := range l.text {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

// wait waits until a line holds all the words.
func (l *logs) wait(t *testing.T, words ...string) string {
	t.Helper()
	eventually(t, func() bool { return len(l.lines(words...)) > 0 }, "no log line holds %q", words)
	return l.lines(words...)[0]
}

// eventually waits until done says true.
func eventually(t *testing.T, done func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf(format, args...)
		}
	}
}

// shortDir makes a folder whose path leaves room for a socket's name, and removes it after the test.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cosi")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// env is a lookup function over a map.
func env(values map[string]string) gocosi.Option {
	return gocosi.WithEnvironment(func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	})
}

// running is a driver that Run serves on a socket of its own.
type running struct {
	conn *grpc.ClientConn
	path string // of the socket
	stop func() // asks Run to end, as a signal would
	done chan error
}

// wait stops the driver and returns what Run returned.
func (r *running) wait(t testing.TB) error {
	t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		r.done <- err // for the clean-up
		return err
	case <-time.After(limit):
		t.Fatal("Run does not return")
		return nil
	}
}

// start runs a driver without environment on a socket in a folder of its own, and stops it after the test.
func start(t testing.TB, p cosi.ProvisionerServer, options ...gocosi.Option) *running {
	t.Helper()
	path := filepath.Join(shortDir(t), "cosi.sock")
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://" + path)}, options...)
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), p, options...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{path: path, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- driver.Run(ctx) }()
	t.Cleanup(func() { _ = r.wait(t) })
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := driver.Addr(waiting); err != nil {
		t.Fatal(err, r.wait(t))
	}
	r.conn = dial(t, path)
	return r
}

// dial connects to a socket, and closes the connection after the test.
func dial(t testing.TB, path string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// timeout is a context for one call.
func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}
