//go:build unix

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
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// held implements a handler of Create that reports its start and returns when it is released.
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
	d := harness.Start(t, &harness.Handlers{Create: h.create})
	if got, err := d.Health(t, ""); err != nil || got != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("before the drain: %s, %v", got, err)
	}
	watching, err := healthpb.NewHealthClient(d.Conn).Watch(harness.Timeout(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watching.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("the watch begins with %v, %v", first, err)
	}
	call := make(chan error, 1)
	go func() { call <- harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket") }()
	<-h.begun

	d.Stop()
	harness.Eventually(t, func() bool { _, err := os.Lstat(d.Path); return errors.Is(err, os.ErrNotExist) }, "the socket stays")
	checkWatchEnds(t, watching)
	select {
	case err := <-d.Done:
		t.Fatalf("Run returns %v during the call, want it to wait", err)
	case err := <-call:
		t.Fatalf("the call ended early with %v, want it to finish", err)
	default:
	}
	close(h.release)
	if err := <-call; err != nil {
		t.Errorf("the call returns %v, want success", err)
	}
	if err := d.Wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// checkWatchEnds checks that the watch reports NOT_SERVING and then ends.
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

// TestHealthDuringDrain starts its checks before the drain begins. During the drain the socket is gone, and gRPC
// refuses new calls on an open connection.
func TestHealthDuringDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log harness.Logs
		h := newHeld()
		d := harness.Serve(t, &harness.Handlers{Create: h.create}, gocosi.WithLogger(log.Logger()), gocosi.WithReady(func(ctx context.Context) error {
			<-ctx.Done() // the drain cancels the check
			return ctx.Err()
		}))
		call, answers := make(chan error, 1), make(chan healthpb.HealthCheckResponse_ServingStatus, 2)
		go func() { call <- d.Create(context.Background()) }()
		for range 2 { // one check asks, the other waits for its turn
			go func() {
				got, err := d.Health(t, "")
				if err != nil {
					t.Error(err)
				}
				answers <- got
			}()
		}
		synctest.Wait()
		d.Stop()
		for range 2 {
			if got := <-answers; got != healthpb.HealthCheckResponse_NOT_SERVING {
				t.Errorf("got %s during the drain, want NOT_SERVING", got)
			}
		}
		close(h.release)
		if err := <-call; err != nil {
			t.Error(err)
		}
		if found := log.Lines("ready"); len(found) > 0 {
			t.Errorf("got the lines %q, want none about readiness during a drain", found)
		}
	})
}

func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	const obeyTimeout = time.Second
	tests := map[string]struct {
		lingers time.Duration // time of the handler after the end of its context; -1: until it is released
		shut    time.Duration
		want    time.Duration // time from the stop to the return of Serve
		left    bool          // the handler is left behind
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
				var log harness.Logs
				release := make(chan struct{})
				d := harness.Serve(t, &harness.Handlers{Create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					<-ctx.Done()
					if tt.lingers < 0 {
						<-release
					} else {
						time.Sleep(tt.lingers)
					}
					return nil, ctx.Err()
				}}, append(tt.options, gocosi.WithLogger(log.Logger()), harness.Env(map[string]string{gocosi.EnvCOSIShutdownTimeout: tt.shut.String()}))...)
				call := make(chan error, 1)
				go func() { call <- d.Create(context.Background()) }()
				synctest.Wait()
				time.Sleep(5 * time.Second)

				began := time.Now()
				err := d.Wait(t)
				took, exact := time.Since(began), tt.options == nil // gRPC's Serve does not always wait for its Stop
				if took > tt.want || exact && took < tt.want {
					t.Errorf("it took %s, want %s", took, tt.want)
				}
				if err := <-call; status.Code(err) != codes.Unavailable {
					t.Errorf("the caller got %v, want UNAVAILABLE", err)
				}
				want := "1 call was cut off after " + tt.shut.String() + " (X_COSI_SHUTDOWN_TIMEOUT): DriverCreateBucket b (" + (5*time.Second + tt.shut).String() + ")"
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				if found := log.Lines("are abandoned", "DriverCreateBucket b"); len(found) > 0 != tt.left {
					t.Errorf("the log reports the abandoned calls %q, want one line for a handler that is left behind", found)
				}
				close(release)
				time.Sleep(tt.lingers) // waits for the last handler
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
				d := harness.Serve(t, &harness.Handlers{}, append(options, gocosi.WithDefaultShutdownTimeout(2*time.Second))...)
				for _, age := range []time.Duration{time.Minute, 0} {
					conn, err := d.Listener.Dial()
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					synctest.Wait()
					time.Sleep(age)
				}
				began := time.Now()
				if err := d.Wait(t); err != nil || time.Since(began) > 2*time.Second {
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
			driver := harness.New(t, filepath.Join(harness.ShortDir(t), "cosi.sock"), &harness.Handlers{})
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- driver.Run(ctx) }()
			addr, err := driver.Addr(harness.Timeout(t))
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
			if after, err := driver.Addr(harness.Timeout(t)); err != nil || after != addr {
				t.Errorf("the address of a driver that ran: %v, %v; want %v", after, err, addr)
			}
		})
	}
}

func TestStoppedBeforeItStarts(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(harness.ShortDir(t), "new")
	stopped, stop := context.WithCancel(t.Context())
	stop()

	newDriver := func() *gocosi.Driver {
		nobody := identityFunc(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
			t.Error("the driver asked the Identity server, want no call")
			return nil, errors.New("asked")
		})
		driver, err := gocosi.New(nobody, &harness.Handlers{}, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(filepath.Join(folder, "cosi.sock")))
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
		t.Errorf("got %v, want no folder", err)
	}
	if _, err := driver.Addr(harness.Timeout(t)); err == nil || !strings.Contains(err.Error(), "ended before it listened") {
		t.Errorf("Addr: %v", err)
	}

	lis := bufconn.Listen(1)
	if err := newDriver().Serve(stopped, lis); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := lis.Dial(); err == nil {
		t.Error("Serve left the listener open, want it closed")
	}
}

func TestAddr(t *testing.T) {
	t.Parallel()
	driver := harness.New(t, "/nowhere", &harness.Handlers{}, gocosi.WithDefaultEndpoint("tcp://127.0.0.1:0"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := driver.Addr(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("before it runs: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- driver.Run(ctx) }()
	addr, err := driver.Addr(harness.Timeout(t))
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
	path := filepath.Join(harness.ShortDir(t), "cosi.sock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	driver := harness.New(t, path, &harness.Handlers{})
	if err := driver.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "gocosi: WithDefaultEndpoint=") {
		t.Errorf("Run: %v", err)
	}
	if _, err := driver.Addr(harness.Timeout(t)); err == nil || !strings.Contains(err.Error(), "ended before it listened") {
		t.Errorf("Addr: %v", err)
	}
}

func TestTwoDrivers(t *testing.T) {
	t.Parallel()
	one, other := harness.Start(t, &harness.Handlers{}), harness.Start(t, &harness.Handlers{})
	one.Lives(t)
	if err := one.Wait(t); err != nil {
		t.Error(err)
	}
	other.Lives(t)
}

// failingListener fails to accept connections.
type failingListener struct{ net.Listener }

var errAccept = errors.New("out of order")

func (failingListener) Accept() (net.Conn, error) { return nil, errAccept }

func TestServingFails(t *testing.T) {
	t.Parallel()
	lis := bufconn.Listen(1)
	driver := harness.New(t, "/nowhere/cosi.sock", &harness.Handlers{})
	if err := driver.Serve(t.Context(), failingListener{lis}); !errors.Is(err, errAccept) {
		t.Errorf("got %v, want what Accept returned", err)
	}
	if _, err := lis.Dial(); err == nil {
		t.Error("Serve left the listener open, want it closed")
	}
}

// TestFrequentPings sends HTTP/2 frames itself, because gRPC's own client pings at most every ten seconds.
func TestFrequentPings(t *testing.T) {
	t.Parallel()
	const ping, goAway, ack = 6, 7, 1
	frame := func(kind byte, payload ...byte) []byte {
		return append([]byte{0, 0, byte(len(payload)), kind, 0, 0, 0, 0, 0}, payload...)
	}
	synctest.Test(t, func(t *testing.T) {
		d := harness.Serve(t, &harness.Handlers{})
		conn, err := d.Listener.Dial()
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
				t.Fatalf("the driver closes the connection after %d pings with %q, want it open", acks, bytes.TrimLeft(payload, "\x00"))
			case head[3] == ping && head[4] == ack:
				acks++
			}
		}
	})
}

func TestServesOnItsSocket(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, &harness.Handlers{})
	info, err := cosi.NewIdentityClient(d.Conn).DriverGetInfo(harness.Timeout(t), &cosi.DriverGetInfoRequest{})
	if err != nil || info.GetName() != "test.example.com" {
		t.Fatalf("DriverGetInfo: %v, %v", info, err)
	}
	if err := d.Wait(t); err != nil {
		t.Fatal(err)
	}
}

func TestNewRefusesNilServers(t *testing.T) {
	t.Parallel()
	good, h := gocosi.NewIdentity("test.example.com"), &harness.Handlers{}
	for name, row := range map[string]struct {
		identity    cosi.IdentityServer
		provisioner cosi.ProvisionerServer
		says        string
	}{
		"nil identity":           {nil, h, "the identity server is nil"},
		"typed nil identity":     {(*struct{ cosi.IdentityServer })(nil), h, "the identity server is nil"},
		"nil provisioner":        {good, nil, "the provisioner server is nil"},
		"typed nil provisioner":  {good, (*harness.Handlers)(nil), "the provisioner server is nil"},
		"a name that is refused": {gocosi.NewIdentity("-"), h, "INFO-3"},
		"no name":                {gocosi.NewIdentity(""), h, "INFO-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver, err := gocosi.New(row.identity, row.provisioner, gocosi.WithEnvironment(nil))
			if driver != nil {
				t.Error("got a driver with an error, want none")
			}
			checkError(t, err, row.says)
		})
	}
}

// TestSocketIsLost takes the socket away from a running driver, which nobody can reach any more.
func TestSocketIsLost(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"a file": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("mine"), 0o600))
		},
		"a socket": func(path string) error { return errors.Join(os.Remove(path), bindAndLeave(path)) },
		"a folder": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()))
			d.Lives(t)
			if err := take(d.Path); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-d.Done:
				d.Done <- err // for the cleanup
				if err == nil || !strings.Contains(err.Error(), d.Path) {
					t.Errorf("got %v, want an error that names the socket", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("the driver goes on for 20s, want it to end")
			}
			log.Wait(t, `"msg"="socket is lost"`)
			if _, err := os.Lstat(d.Path); (err == nil) != (name == "a file" || name == "a socket") {
				t.Errorf("%v: want what is somebody else's left alone", err)
			}
		})
	}
}

// bindAndLeave makes a socket that stays.
func bindAndLeave(path string) error {
	lis, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	lis.SetUnlinkOnClose(false)
	return lis.Close()
}

// TestEveryProblemAtOnce has something wrong in each place that New looks at.
func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := gocosi.New(nil, nil, harness.Env(map[string]string{gocosi.EnvCOSIRPCTimeout: "soon"}),
		gocosi.WithServerOptions(nil), gocosi.WithServices(nil), gocosi.WithServices(func(grpc.ServiceRegistrar) { panic("no") }),
		gocosi.WithServices(func(r grpc.ServiceRegistrar) { healthpb.RegisterHealthServer(r, &healthpb.UnimplementedHealthServer{}) }))
	for _, want := range []string{
		"identity server", "provisioner server", gocosi.EnvCOSIRPCTimeout, "WithServerOptions: got a nil", "WithServices: got a nil",
		"WithServices: panic: no", `"grpc.health.v1.Health" is the library's own`,
	} {
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("got %v, want %q in it, once", err, want)
		}
	}
}
