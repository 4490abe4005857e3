//go:build unix

package gocosi_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/test/bufconn"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// identityFunc implements an author's own Identity server.
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
			folder := filepath.Join(harness.ShortDir(t), "new")
			synctest.Test(t, func(t *testing.T) {
				driver, err := gocosi.New(tt.identity, &harness.Handlers{}, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(filepath.Join(folder, "cosi.sock")))
				if err != nil {
					t.Fatal(err)
				}
				if err := driver.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			})
			if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("got %v, want no folder", err)
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
		}), &harness.Handlers{}, gocosi.WithEnvironment(nil))
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
	var log harness.Logs
	asked := 0
	driver, err := gocosi.New(identityFunc(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
		asked++
		return &cosi.DriverGetInfoResponse{Name: "own.example.com"}, nil
	}), &harness.Handlers{}, gocosi.WithEnvironment(nil), gocosi.WithLogger(log.Logger()))
	if err != nil || asked > 0 {
		t.Fatalf("New asked %d times: %v", asked, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- driver.Serve(ctx, bufconn.Listen(1)) }()
	log.Wait(t, "driver listening", `"driver"="own.example.com"`)
	stop()
	if err := <-done; err != nil || asked != 1 {
		t.Errorf("asked %d times, Serve: %v", asked, err)
	}
}

// foreignIdentity imitates an Identity server that NewIdentity did not create.
type foreignIdentity func(context.Context) (*cosi.DriverGetInfoResponse, error)

func (f foreignIdentity) DriverGetInfo(ctx context.Context, _ *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return f(ctx)
}

// named returns an Identity server that answers with a name.
func named(name string) foreignIdentity {
	return func(context.Context) (*cosi.DriverGetInfoResponse, error) {
		return &cosi.DriverGetInfoResponse{Name: name}, nil
	}
}

func TestNewCannotRenameAForeignIdentity(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(named("foreign.example.com"), &harness.Handlers{}, harness.Env(map[string]string{gocosi.EnvCOSIDriverName: "other.example.com"}))
	if driver != nil {
		t.Error("got a driver with an error, want none")
	}
	checkError(t, err, "X_COSI_DRIVER_NAME: cannot rename", "want one made by NewIdentity")
}

func TestDriverNameOverride(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ value, want string }{
		"unset":    {"", "test.example.com"},
		"override": {"other.example.com", "other.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, &harness.Handlers{}, harness.Env(map[string]string{gocosi.EnvCOSIDriverName: row.value}))
			info, err := cosi.NewIdentityClient(d.Conn).DriverGetInfo(harness.Timeout(t), &cosi.DriverGetInfoRequest{})
			if err != nil || info.GetName() != row.want {
				t.Errorf("DriverGetInfo: %v, %v; want %s", info, err, row.want)
			}
		})
	}
}

// TestOverrideCoversAWrongName checks that the operator's name replaces any name of the author.
func TestOverrideCoversAWrongName(t *testing.T) {
	t.Parallel()
	_, err := gocosi.New(gocosi.NewIdentity(""), &harness.Handlers{}, harness.Env(map[string]string{gocosi.EnvCOSIDriverName: "other.example.com"}))
	if err != nil {
		t.Error(err)
	}
}

// wrongIdentities lists Identity servers that Run refuses.
var wrongIdentities = map[string]struct {
	identity foreignIdentity
	says     []string
}{
	"no name":  {named(""), []string{`DriverGetInfo answered ""`, "INFO-2"}},
	"too long": {named(strings.Repeat("n", 64)), []string{"DriverGetInfo answered", "INFO-3"}},
	"bad name": {named("s3 example"), []string{`DriverGetInfo answered "s3 example"`, "INFO-3"}},
	"nil response": {
		func(context.Context) (*cosi.DriverGetInfoResponse, error) { return nil, nil },
		[]string{"DriverGetInfo", "INFO-2"},
	},
	"error": {
		func(context.Context) (*cosi.DriverGetInfoResponse, error) { return nil, errors.New("no database") },
		[]string{"DriverGetInfo: no database"},
	},
	"panic": {
		func(context.Context) (*cosi.DriverGetInfoResponse, error) { panic("no database") },
		[]string{"DriverGetInfo: panic: no database", "identity_test.go"},
	},
	"hangs until its context ends": {
		func(ctx context.Context) (*cosi.DriverGetInfoResponse, error) { <-ctx.Done(); return nil, ctx.Err() },
		[]string{"DriverGetInfo", "context deadline exceeded"},
	},
}

func TestWrongIdentityOpensNothing(t *testing.T) {
	t.Parallel()
	for name, row := range wrongIdentities {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := harness.ShortDir(t)
			driver, err := gocosi.New(row.identity, &harness.Handlers{}, gocosi.WithDefaultEndpoint(dir+"/made/cosi.sock"),
				harness.Env(map[string]string{gocosi.EnvCOSIRPCTimeout: "50ms"}))
			if err != nil {
				t.Fatal(err)
			}
			checkError(t, driver.Run(harness.Timeout(t)), row.says...)
			checkError(t, addrError(t, driver), "ended before it listened")
			if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
				t.Errorf("the folder holds %v, %v", list, err)
			}
		})
	}
}

func TestWrongIdentityClosesTheListener(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(named("-"), &harness.Handlers{}, gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	lis := watchListener(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	checkError(t, driver.Serve(harness.Timeout(t), lis), "INFO-3")
	lis.checkClosed(t)
}

// TestIdentityThatHangs uses an Identity server that never returns from DriverGetInfo, even when its context ends.
func TestIdentityThatHangs(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		rpcTimeout string
		stopped    bool
	}{
		"past its deadline": {"50ms", false},
		"past a stop":       {"0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, release := make(chan struct{}), make(chan struct{})
			defer close(release)
			dir := harness.ShortDir(t)
			driver, err := gocosi.New(foreignIdentity(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
				close(asked)
				<-release
				return &cosi.DriverGetInfoResponse{Name: "late.example.com"}, nil
			}), &harness.Handlers{}, gocosi.WithDefaultEndpoint(dir+"/made/cosi.sock"), harness.Env(map[string]string{gocosi.EnvCOSIRPCTimeout: row.rpcTimeout}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(harness.Timeout(t))
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- driver.Run(ctx) }()
			<-asked
			if row.stopped {
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run, stopped while it starts: %v", err)
				}
			} else {
				checkError(t, <-done, "DriverGetInfo", "deadline exceeded")
			}
			if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
				t.Errorf("the folder holds %v, %v", list, err)
			}
		})
	}
}

// TestIdentityIsAskedOnce checks that Run asks for the name once, before it opens anything.
func TestIdentityIsAskedOnce(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 2)
	driver, err := gocosi.New(foreignIdentity(func(context.Context) (*cosi.DriverGetInfoResponse, error) {
		asked <- struct{}{}
		return &cosi.DriverGetInfoResponse{Name: "foreign.example.com"}, nil
	}), &harness.Handlers{}, gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(harness.Timeout(t))
	done := make(chan error, 1)
	go func() { done <- driver.Serve(ctx, bufconn.Listen(1)) }()
	if _, err := driver.Addr(ctx); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(asked) != 1 {
		t.Errorf("asked %d times, want once", len(asked))
	}
}

// TestVersions expects the versions that this test's program has; internal/test/scaffold checks those of drivers.
func TestVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"v1.2.3": `^gocosi v1\.2\.3, gocosi \S+, go1\.\S+$`, "": `^gocosi \S+, gocosi \S+, go1\.\S+$`} {
		if got := gocosi.Versions(version); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("Versions(%q) is %q, want %s", version, got, want)
		}
	}
}
