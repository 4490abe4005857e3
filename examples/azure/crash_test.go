package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// How often the driver is killed, and how many callers there are.
const (
	kills   = 30
	callers = 8
)

// TestKilledAtRandom kills the driver again and again under callers that repeat each call until it succeeds, as the
// sidecar does. In the end the store holds what was asked for: every container once, every account's policy once.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	runtime.LockOSThread() // for endWithParent
	folder, err := sockdir.Make()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	d := &crashingDriver{t: t, binary: filepath.Join(t.TempDir(), "azure"), socket: filepath.Join(folder, "cosi.sock"), env: w.environment(w.url)}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", d.binary, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var killed atomic.Int32
	all := make([]*caller, callers)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = &caller{driver: d.connect(), number: i}
		wg.Go(func() {
			for killed.Load() < kills && ctx.Err() == nil {
				all[i].work(ctx)
			}
			all[i].work(ctx) // under the last driver, which is not killed
		})
	}
	for range kills {
		d.start()
		d.killAfter(rand.N(600 * time.Millisecond))
		killed.Add(1)
	}
	d.start()
	wg.Wait()
	must(t, ctx.Err())
	checkStore(t, w, all)
	d.stop()
}

// checkStore compares the store with what the callers have.
func checkStore(t *testing.T, w *world, all []*caller) {
	t.Helper()
	want := map[string][]string{}
	var deleted, revoked, retries int
	for _, c := range all {
		maps.Copy(want, c.have)
		deleted, revoked, retries = deleted+c.deleted, revoked+c.revoked, retries+c.retries
	}
	names, err := w.containers(t.Context())
	must(t, err)
	policies := 0
	for _, name := range names {
		ids, err := w.policies(t.Context(), name)
		must(t, err)
		slices.Sort(ids)
		if accounts, wanted := want[name]; !wanted || !slices.Equal(ids, accounts) {
			t.Errorf("%s has the policies %q, want %q", name, ids, accounts)
		}
		policies += len(ids)
	}
	if len(names) != len(want) {
		t.Errorf("the store has %d containers, want %d", len(names), len(want))
	}
	t.Logf("%d kills, %d calls repeated; kept: %d containers with %d policies; deleted: %d containers; revoked: %d accounts",
		kills, retries, len(names), policies, deleted, revoked)
	if len(want) < callers || deleted == 0 || revoked == 0 || retries < kills {
		t.Error("too little happened for this to say anything")
	}
}

// caller asks for buckets and accesses, and remembers what it has.
type caller struct {
	driver                    cosi.ProvisionerServer
	number                    int
	round                     int
	have                      map[string][]string // accounts by container
	deleted, revoked, retries int
}

// work makes a container with two accounts, revokes one, and deletes every second container.
func (c *caller) work(ctx context.Context) {
	c.round++
	name := fmt.Sprintf("bucket-%d-%d", c.number, c.round)
	c.insist(ctx, func() error { return create(ctx, c.driver, name, nil) })
	var accounts []string
	for _, access := range []string{"ba-first", "ba-second"} {
		var g granted
		c.insist(ctx, func() (err error) { g, err = grant(ctx, c.driver, name, access, nil); return err })
		accounts = append(accounts, g.account)
	}
	c.insist(ctx, func() error { return revoke(ctx, c.driver, name, accounts[0]) })
	c.revoked++
	if c.round%2 == 0 {
		c.insist(ctx, func() error { return remove(ctx, c.driver, name, nil) })
		c.deleted++
		return
	}
	if c.have == nil {
		c.have = map[string][]string{}
	}
	c.have[name] = accounts[1:]
}

// insist repeats a call until it succeeds, with a little time in between, as the sidecar does.
func (c *caller) insist(ctx context.Context, call func() error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for call() != nil && ctx.Err() == nil {
		c.retries++
		<-tick.C
	}
}

// crashingDriver is the driver as a process of its own.
type crashingDriver struct {
	t              *testing.T
	binary, socket string
	env            map[string]string
	cmd            *exec.Cmd
}

func (d *crashingDriver) start() {
	d.t.Helper()
	d.cmd = exec.Command(d.binary)
	d.cmd.Env = append(os.Environ(), gocosi.EnvCOSIEndpoint+"="+d.socket)
	for name, value := range d.env {
		d.cmd.Env = append(d.cmd.Env, name+"="+value)
	}
	d.cmd.SysProcAttr = endWithParent()
	must(d.t, d.cmd.Start())
	d.t.Cleanup(d.kill)
}

func (d *crashingDriver) killAfter(life time.Duration) {
	timer := time.NewTimer(life)
	defer timer.Stop()
	<-timer.C
	d.kill()
}

// kill ends the process as the kernel does when memory is short. One that has ended is left alone.
func (d *crashingDriver) kill() {
	if d.cmd.ProcessState == nil {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
	}
}

// stop asks the process to end, and expects that it ends well.
func (d *crashingDriver) stop() {
	d.t.Helper()
	must(d.t, d.cmd.Process.Signal(os.Interrupt))
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("the driver ended by %v", err)
	}
}

// connect returns a caller's view of the driver, whichever process it is.
func (d *crashingDriver) connect() cosi.ProvisionerServer {
	conn, err := grpc.NewClient("unix://"+d.socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}))
	must(d.t, err)
	d.t.Cleanup(func() { conn.Close() })
	return remote{cosi.NewProvisionerClient(conn)}
}

// remote is a driver behind a connection.
type remote struct{ cosi.ProvisionerClient }

func (r remote) DriverCreateBucket(ctx context.Context, in *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return r.ProvisionerClient.DriverCreateBucket(ctx, in)
}

func (r remote) DriverDeleteBucket(ctx context.Context, in *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	return r.ProvisionerClient.DriverDeleteBucket(ctx, in)
}

func (r remote) DriverGrantBucketAccess(ctx context.Context, in *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	return r.ProvisionerClient.DriverGrantBucketAccess(ctx, in)
}

func (r remote) DriverRevokeBucketAccess(ctx context.Context, in *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	return r.ProvisionerClient.DriverRevokeBucketAccess(ctx, in)
}
