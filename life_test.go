package gocosi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// newDriver makes a driver on a socket of its own, without running it.
func newDriver(t *testing.T, path string, options ...gocosi.Option) *gocosi.Driver {
	t.Helper()
	options = append([]gocosi.Option{gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://" + path)}, options...)
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &handlers{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// held is a handler of Create that says when it has begun, and returns when it is released.
type held struct {
	begun   chan struct{}
	release chan struct{}
}

func newHeld() *held { return &held{begun: make(chan struct{}), release: make(chan struct{})} }

func (h *held) create(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	close(h.begun)
	<-h.release
	return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
}

func TestDrainLetsCallsFinish(t *testing.T) {
	t.Parallel()
	h := newHeld()
	d := start(t, &handlers{create: h.create})
	if got, err := check(t, d, ""); err != nil || got != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("before the drain: %s, %v", got, err)
	}
	watching, err := healthpb.NewHealthClient(d.conn).Watch(timeout(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watching.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("the watch begins with %v, %v", first, err)
	}
	call := make(chan error, 1)
	go func() { call <- callMethod(timeout(t), d.conn, "DriverCreateBucket") }()
	<-h.begun

	d.stop()
	eventually(t, func() bool { _, err := os.Lstat(d.path); return errors.Is(err, os.ErrNotExist) }, "the socket stays")
	checkWatchEnds(t, watching)
	select {
	case err := <-d.done:
		t.Fatalf("Run does not wait for the call: %v", err)
	case err := <-call:
		t.Fatalf("the call ended early: %v", err)
	default:
	}
	close(h.release)
	if err := <-call; err != nil {
		t.Errorf("the call was not let finish: %v", err)
	}
	if err := d.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// checkWatchEnds wants NOT_SERVING, and then the end.
func checkWatchEnds(t *testing.T, watching healthpb.Health_WatchClient) {
	t.Helper()
	last := healthpb.HealthCheckResponse_UNKNOWN
	for {
		update, err := watching.Recv()
		if err == nil {
			last = update.GetStatus()
			continue
		}
		if last != healthpb.HealthCheckResponse_NOT_SERVING || status.Code(err) != codes.Unavailable ||
			status.Convert(err).Message() != "the driver is shutting down" {
			t.Errorf("the watch ends with %s and %v", last, err)
		}
		return
	}
}

// TestHealthDuringDrain has its checks under way when the drain begins: gRPC lets a client begin no new call on a
// connection that drains, and the socket is gone.
func TestHealthDuringDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log logs
		h := newHeld()
		d := serve(t, &handlers{create: h.create}, gocosi.WithLogger(log.logger()), gocosi.WithReady(func(ctx context.Context) error {
			<-ctx.Done() // the drain calls the question off
			return ctx.Err()
		}))
		call, answers := make(chan error, 1), make(chan healthpb.HealthCheckResponse_ServingStatus, 2)
		go func() { call <- d.create(context.Background()) }()
		for range 2 { // one asks, the other waits for its turn
			go func() {
				got, err := check(t, &d.running, "")
				if err != nil {
					t.Error(err)
				}
				answers <- got
			}()
		}
		synctest.Wait()
		d.stop()
		for range 2 {
			if got := <-answers; got != healthpb.HealthCheckResponse_NOT_SERVING {
				t.Errorf("got %s during the drain", got)
			}
		}
		close(h.release)
		if err := <-call; err != nil {
			t.Error(err)
		}
		if found := log.lines("ready"); len(found) > 0 {
			t.Errorf("a drain is no news of the readiness function: %q", found)
		}
	})
}

func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	const obeyTimeout = time.Second
	tests := map[string]struct {
		lingers time.Duration // how long the handler takes after its context has ended; -1: until it is released
		shut    time.Duration
		want    time.Duration // from the stop to the return of Serve
		left    bool          // behind
		options []gocosi.Option
	}{
		"obeys at once":    {0, 20 * time.Second, 20 * time.Second, false, nil},
		"obeys in time":    {900 * time.Millisecond, 20 * time.Second, 20*time.Second + 900*time.Millisecond, false, nil},
		"ignores":          {-1, 20 * time.Second, 20*time.Second + obeyTimeout, true, nil},
		"no time is given": {0, 0, 0, false, nil},
		"ignores, no time": {-1, 0, obeyTimeout, true, nil},
		"obeys much later": {5 * time.Second, 3 * time.Second, 3*time.Second + obeyTimeout, true, nil},
		"ignores, and gRPC waits": {
			-1, 20 * time.Second, 20*time.Second + 2*obeyTimeout, true,
			[]gocosi.Option{gocosi.WithServerOptions(grpc.WaitForHandlers(true))},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log logs
				release := make(chan struct{})
				d := serve(t, &handlers{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					<-ctx.Done()
					if tt.lingers < 0 {
						<-release
					} else {
						time.Sleep(tt.lingers)
					}
					return nil, ctx.Err()
				}}, append(tt.options, gocosi.WithLogger(log.logger()), env(map[string]string{gocosi.EnvCOSIShutdownTimeout: tt.shut.String()}))...)
				call := make(chan error, 1)
				go func() { call <- d.create(context.Background()) }()
				synctest.Wait()
				time.Sleep(5 * time.Second)

				began := time.Now()
				err := d.wait(t)
				took, exact := time.Since(began), tt.options == nil // gRPC's Serve may or may not wait for its Stop
				if took > tt.want || exact && took < tt.want {
					t.Errorf("it took %s, want %s", took, tt.want)
				}
				if err := <-call; status.Code(err) != codes.Unavailable {
					t.Errorf("the caller got %v, want UNAVAILABLE", err)
				}
				want := "1 calls were cut off after " + tt.shut.String() + " (X_COSI_SHUTDOWN_TIMEOUT): DriverCreateBucket b (" + (5*time.Second + tt.shut).String() + ")"
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				if found := log.lines("left behind", "DriverCreateBucket b"); len(found) > 0 != tt.left {
					t.Errorf("left behind, says the log: %q", found)
				}
				close(release)
				time.Sleep(tt.lingers) // nothing of the test is left after that
			})
		})
	}
}

func TestSilentConnectionEndsWithTheDriver(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]gocosi.Option{
		"default":                 nil,
		"a longer timeout is set": {gocosi.WithServerOptions(grpc.ConnectionTimeout(time.Hour))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := serve(t, &handlers{}, append(options, gocosi.WithDefaultShutdownTimeout(2*time.Second))...)
				for _, age := range []time.Duration{time.Minute, 0} {
					conn, err := d.listener.Dial()
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					synctest.Wait()
					time.Sleep(age)
				}
				began := time.Now()
				if err := d.wait(t); err != nil || time.Since(began) > 2*time.Second {
					t.Errorf("Serve: %v after %s", err, time.Since(began))
				}
			})
		})
	}
}

func TestDriverRunsOnce(t *testing.T) {
	t.Parallel()
	serveAgain := func(d *gocosi.Driver) error {
		lis := bufconn.Listen(1)
		defer lis.Close()
		return d.Serve(context.Background(), lis)
	}
	for name, again := range map[string]func(*gocosi.Driver) error{
		"Run":   func(d *gocosi.Driver) error { return d.Run(context.Background()) },
		"Serve": serveAgain,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := newDriver(t, filepath.Join(shortDir(t), "cosi.sock"))
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- driver.Run(ctx) }()
			addr, err := driver.Addr(timeout(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := again(driver); err == nil || !strings.Contains(err.Error(), "runs at most once") {
				t.Errorf("while it runs: %v", err)
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := again(driver); err == nil || !strings.Contains(err.Error(), "runs at most once") {
				t.Errorf("after it ran: %v", err)
			}
			if after, err := driver.Addr(timeout(t)); err != nil || after != addr {
				t.Errorf("the address of a driver that ran: %v, %v; want %v", after, err, addr)
			}
		})
	}
}

func TestStoppedBeforeItStarts(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "new")
	stopped, stop := context.WithCancel(t.Context())
	stop()

	newDriver := func() *gocosi.Driver {
		nobody := identityFunc(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
			t.Error("the Identity server was asked")
			return nil, errors.New("asked")
		})
		driver, err := gocosi.New(nobody, &handlers{}, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(filepath.Join(folder, "cosi.sock")))
		if err != nil {
			t.Fatal(err)
		}
		return driver
	}

	driver := newDriver()
	if err := driver.Run(stopped); err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	if _, err := driver.Addr(timeout(t)); err == nil || !strings.Contains(err.Error(), "ended before it listened") {
		t.Errorf("Addr: %v", err)
	}

	lis := bufconn.Listen(1)
	if err := newDriver().Serve(stopped, lis); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := lis.Dial(); err == nil {
		t.Error("Serve left the listener open")
	}
}

func TestAddr(t *testing.T) {
	t.Parallel()
	driver := newDriver(t, "/nowhere", gocosi.WithDefaultEndpoint("tcp://127.0.0.1:0"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := driver.Addr(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("before it runs: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- driver.Run(ctx) }()
	addr, err := driver.Addr(timeout(t))
	if tcp, ok := addr.(*net.TCPAddr); err != nil || !ok || tcp.Port == 0 {
		t.Errorf("got %v, %v; want the port", addr, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestListenFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "cosi.sock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	driver := newDriver(t, path)
	if err := driver.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "gocosi: WithDefaultEndpoint=") {
		t.Errorf("Run: %v", err)
	}
	if _, err := driver.Addr(timeout(t)); err == nil || !strings.Contains(err.Error(), "ended before it listened") {
		t.Errorf("Addr: %v", err)
	}
}

func TestTwoDrivers(t *testing.T) {
	t.Parallel()
	one, other := start(t, &handlers{}), start(t, &handlers{})
	lives(t, one)
	if err := one.wait(t); err != nil {
		t.Error(err)
	}
	lives(t, other)
}

// failingListener accepts nobody.
type failingListener struct{ net.Listener }

var errAccept = errors.New("out of order")

func (failingListener) Accept() (net.Conn, error) { return nil, errAccept }

func TestServingFails(t *testing.T) {
	t.Parallel()
	lis := bufconn.Listen(1)
	driver := newDriver(t, "/nowhere/cosi.sock")
	if err := driver.Serve(t.Context(), failingListener{lis}); !errors.Is(err, errAccept) {
		t.Errorf("got %v, want what Accept returned", err)
	}
	if _, err := lis.Dial(); err == nil {
		t.Error("Serve left the listener open")
	}
}

// identityFunc is an Identity server of an author's own.
type identityFunc func(context.Context) (*cosi.DriverGetInfoResponse, error)

func (f identityFunc) DriverGetInfo(ctx context.Context, _ *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return f(ctx)
}

func TestIdentityIsAskedFirst(t *testing.T) {
	t.Parallel()
	answers := func(name string, err error) identityFunc {
		return func(context.Context) (*cosi.DriverGetInfoResponse, error) {
			return &cosi.DriverGetInfoResponse{Name: name}, err
		}
	}
	tests := map[string]struct {
		identity identityFunc
		want     string
	}{
		"fails":      {answers("", errors.New("no idea")), "DriverGetInfo: no idea"},
		"empty name": {answers("", nil), "INFO-2"},
		"bad name":   {answers("a_b", nil), "INFO-3"},
		"long name":  {answers(strings.Repeat("a", 64), nil), "INFO-3"},
		"panics":     {func(context.Context) (*cosi.DriverGetInfoResponse, error) { panic("boom") }, "DriverGetInfo: panic: boom"},
		"nil":        {func(context.Context) (*cosi.DriverGetInfoResponse, error) { return nil, nil }, "INFO-2"},
		"never answers": {func(ctx context.Context) (*cosi.DriverGetInfoResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "DriverGetInfo: context deadline exceeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(shortDir(t), "new")
			synctest.Test(t, func(t *testing.T) {
				driver, err := gocosi.New(tt.identity, &handlers{}, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(filepath.Join(folder, "cosi.sock")))
				if err != nil {
					t.Fatal(err)
				}
				if err := driver.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			})
			if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder was made: %v", err)
			}
		})
	}
}

func TestIdentityThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		driver, err := gocosi.New(identityFunc(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
			<-release
			return nil, errors.New("too late")
		}), &handlers{}, gocosi.WithEnvironment(nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := driver.Run(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestIdentityOfTheAuthor(t *testing.T) {
	t.Parallel()
	var log logs
	asked := 0
	driver, err := gocosi.New(identityFunc(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
		asked++
		return &cosi.DriverGetInfoResponse{Name: "own.example.com"}, nil
	}), &handlers{}, gocosi.WithEnvironment(nil), gocosi.WithLogger(log.logger()))
	if err != nil || asked > 0 {
		t.Fatalf("New asked %d times: %v", asked, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- driver.Serve(ctx, bufconn.Listen(1)) }()
	log.wait(t, "driver listening", `"driver"="own.example.com"`)
	stop()
	if err := <-done; err != nil || asked != 1 {
		t.Errorf("asked %d times, Serve: %v", asked, err)
	}
}

// TestFrequentPings speaks HTTP/2 by hand: gRPC's own client does not ping more often than every ten seconds.
func TestFrequentPings(t *testing.T) {
	t.Parallel()
	const ping, goAway, ack = 6, 7, 1
	frame := func(kind byte, payload ...byte) []byte {
		return append([]byte{0, 0, byte(len(payload)), kind, 0, 0, 0, 0, 0}, payload...)
	}
	synctest.Test(t, func(t *testing.T) {
		d := serve(t, &handlers{})
		conn, err := d.listener.Dial()
		if err != nil {
			t.Fatal(err)
		}
		const many = 500
		written := make(chan struct{})
		defer func() { conn.Close(); <-written }()
		go func() {
			defer close(written)
			_, err := conn.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4)...))
			for range many {
				time.Sleep(10 * time.Millisecond)
				if err == nil {
					_, err = conn.Write(frame(ping, 1, 2, 3, 4, 5, 6, 7, 8))
				}
			}
		}()
		for acks := 0; acks < many; {
			head := make([]byte, 9)
			if _, err := io.ReadFull(conn, head); err != nil {
				t.Fatalf("after %d pings: %v", acks, err)
			}
			payload := make([]byte, int(head[1])<<8|int(head[2]))
			if _, err := io.ReadFull(conn, payload); err != nil {
				t.Fatal(err)
			}
			switch {
			case head[3] == goAway:
				t.Fatalf("the driver hangs up after %d pings: %q", acks, bytes.TrimLeft(payload, "\x00"))
			case head[3] == ping && head[4] == ack:
				acks++
			}
		}
	})
}

// check asks for the health of a service.
func check(t *testing.T, d *running, service string) (healthpb.HealthCheckResponse_ServingStatus, error) {
	t.Helper()
	answer, err := healthpb.NewHealthClient(d.conn).Check(timeout(t), &healthpb.HealthCheckRequest{Service: service})
	return answer.GetStatus(), err
}
