package cositest_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) {
	if dir, err := sockdir.Parent(); err == nil {
		os.Setenv("TMPDIR", dir) // the examples make their sockets in os.TempDir
	}
	leaktest.Main(m)
}

// Short names for what handlers take and answer.
type (
	infoQ   = cosi.DriverGetInfoRequest
	infoR   = cosi.DriverGetInfoResponse
	createQ = cosi.DriverCreateBucketRequest
	createR = cosi.DriverCreateBucketResponse
	deleteQ = cosi.DriverDeleteBucketRequest
	deleteR = cosi.DriverDeleteBucketResponse
	grantQ  = cosi.DriverGrantBucketAccessRequest
	grantR  = cosi.DriverGrantBucketAccessResponse
	revokeQ = cosi.DriverRevokeBucketAccessRequest
	revokeR = cosi.DriverRevokeBucketAccessResponse
)

// handler answers one RPC.
type handler[Q, R any] = func(context.Context, *Q) (*R, error)

// driver is the reference driver behind handlers that a test may replace.
type driver struct {
	ref    *reference
	info   handler[infoQ, infoR]
	create handler[createQ, createR]
	delete handler[deleteQ, deleteR]
	grant  handler[grantQ, grantR]
	revoke handler[revokeQ, revokeR]
	// answer is what becomes of an answer before it is sent. nil: nothing.
	answer func(response any, err error) (any, error)
	// before is called before each call. nil: nothing is.
	before func(context.Context)
	// options are the server's.
	options []grpc.ServerOption
	// register puts the driver on a server. nil: both services.
	register func(*grpc.Server)

	folder string       // of the socket
	cut    func()       // ends all connections; nil: there are none
	now    atomic.Value // name of the case that runs
	log    logBuffer
}

func newDriver() *driver {
	ref := &reference{store: newStore(), name: "reference.example.com"}
	return &driver{
		ref: ref, info: ref.DriverGetInfo, create: ref.DriverCreateBucket, delete: ref.DriverDeleteBucket,
		grant: ref.DriverGrantBucketAccess, revoke: ref.DriverRevokeBucketAccess,
	}
}

func (d *driver) DriverGetInfo(ctx context.Context, r *infoQ) (*infoR, error) {
	return d.info(ctx, r)
}

func (d *driver) DriverCreateBucket(ctx context.Context, r *createQ) (*createR, error) {
	return d.create(ctx, r)
}

func (d *driver) DriverDeleteBucket(ctx context.Context, r *deleteQ) (*deleteR, error) {
	return d.delete(ctx, r)
}

func (d *driver) DriverGrantBucketAccess(ctx context.Context, r *grantQ) (*grantR, error) {
	return d.grant(ctx, r)
}

func (d *driver) DriverRevokeBucketAccess(ctx context.Context, r *revokeQ) (*revokeR, error) {
	return d.revoke(ctx, r)
}

// in says whether one of the cases runs.
func (d *driver) in(cases ...string) bool {
	now, _ := d.now.Load().(string)
	return slices.Contains(cases, now)
}

// intercept is all that stands between the wire and the driver: a log, and what a test does to answers.
func (d *driver) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if d.before != nil {
		d.before(ctx)
	}
	response, err := handler(ctx, request)
	d.log.add(info.FullMethod + " " + status.Code(err).String())
	if d.answer != nil {
		return d.answer(response, err)
	}
	return response, err
}

// serve serves the driver by a bare gRPC server, which mends nothing, and connects to it.
func (d *driver) serve(t testing.TB) (*grpc.Server, *grpc.ClientConn) {
	t.Helper()
	d.folder = harness.ShortDir(t)
	server := grpc.NewServer(append(d.options, grpc.UnaryInterceptor(d.intercept))...)
	if d.register != nil {
		d.register(server)
	} else {
		cosi.RegisterIdentityServer(server, d)
		cosi.RegisterProvisionerServer(server, d)
	}
	lis, path := listen(t, d.folder)
	lis = d.cuttable(lis)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(lis) })
	t.Cleanup(func() { server.Stop(); serving.Wait() })
	return server, harness.Dial(t, path)
}

// cuttable lets restart end the listener's connections.
func (d *driver) cuttable(lis net.Listener) net.Listener {
	tracked := &cuttable{Listener: lis}
	d.cut = tracked.cut
	return tracked
}

// cuttable is a listener that goes on when its connections are cut.
type cuttable struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func (l *cuttable) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

func (l *cuttable) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	l.conns = nil
}

// restart is the hook of that name: all connections end, as they do with a process.
func (d *driver) restart(context.Context) error {
	d.cut()
	return nil
}

// config fills every input and hook.
func (d *driver) config() cositest.Config {
	cases := cositest.Cases()
	d.now.Store(cases[0].Name)
	return cositest.Config{
		BucketParameters:             map[string]string{"region": "here"},
		AccessParameters:             map[string]string{"access": "readwrite"},
		IncompatibleBucketParameters: map[string]string{"region": "elsewhere"},
		IncompatibleAccessParameters: map[string]string{"access": "readonly"},
		BadBucketName:                "Not A Bucket",
		UnprovisionableParameters:    map[string]string{"region": "nowhere"},
		Repeat:                       2,
		Parallel:                     parallel,
		SocketFolder:                 d.folder,
		Log:                          d.log.String,
		Access:                       d.ref.access,
		MakeForeignBucket:            d.ref.makeForeign,
		CountAccounts:                d.ref.count,
		Outage:                       d.ref.outage,
		Restart:                      d.restart,
		Destructive:                  true,
		OnResult: func(r cositest.Result) {
			for i := range cases[:len(cases)-1] {
				if cases[i].Name == r.Name {
					d.now.Store(cases[i+1].Name)
				}
			}
		},
	}
}

// parallel is how many calls the kit makes at once in these tests.
const parallel = 4

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// logBuffer is a log. Safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// listen makes a socket in the folder.
func listen(t testing.TB, folder string) (net.Listener, string) {
	t.Helper()
	path := filepath.Join(folder, "cosi.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	return lis, path
}
