package cositest_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// phoenix serves a driver by servers that come after each other on one socket.
type phoenix struct {
	driver   *driver
	path     string
	ends     func() bool // after a call: whether the server ends without answering it
	early    bool        // it ends before the call has done its work
	restarts atomic.Int32

	mu      sync.Mutex
	server  *grpc.Server // nil: there will be no other
	serving sync.WaitGroup
}

// rise serves the driver until the test ends, and connects to it.
func (p *phoenix) rise(t *testing.T) *grpc.ClientConn {
	t.Helper()
	p.driver.folder = harness.ShortDir(t)
	p.path = filepath.Join(p.driver.folder, "cosi.sock")
	if err := p.listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return harness.Dial(t, p.path)
}

func (p *phoenix) listen() error {
	lis, err := net.Listen("unix", p.path)
	if err != nil {
		return err
	}
	lis = p.driver.cuttable(lis)
	server := grpc.NewServer(grpc.UnaryInterceptor(p.driver.intercept), grpc.ChainUnaryInterceptor(p.intercept))
	cosi.RegisterIdentityServer(server, p.driver)
	cosi.RegisterProvisionerServer(server, p.driver)
	p.server = server
	p.serving.Go(func() { _ = server.Serve(lis) })
	return nil
}

func (p *phoenix) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if p.early && p.ends() {
		return nil, p.restart(ctx)
	}
	response, err := handler(ctx, request)
	if !p.early && p.ends() {
		return nil, p.restart(ctx)
	}
	return response, err
}

// restart cuts all calls off, that of the context too, and begins anew.
func (p *phoenix) restart(ctx context.Context) error {
	p.serving.Go(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.server == nil {
			return
		}
		p.server.Stop()
		p.restarts.Add(1)
		if err := p.listen(); err != nil {
			panic(fmt.Sprint("the next server: ", err)) // the test would wait for it in vain
		}
	})
	<-ctx.Done()
	return ctx.Err()
}

func (p *phoenix) stop() {
	p.mu.Lock()
	p.server.Stop()
	p.server = nil
	p.mu.Unlock()
	p.serving.Wait()
}

// atCall says true once: at that call of those that count.
func atCall(n int32, counts func() bool) func() bool {
	var calls atomic.Int32
	return func() bool { return counts() && calls.Add(1) == n }
}

// A driver that is restarted once is not blamed for it, whenever that is.
func TestRestartedDrivers(t *testing.T) {
	t.Parallel()
	type moment struct {
		name string // of the case whose calls count; "": all count
		call int32
	}
	moments := []moment{{"", 1}, {"", 7}, {"", 40}, {"", 150}, {"", 400}, {"LOAD-1", 9}, {"LOAD-1", 15}, {"LOAD-1", 22}}
	for _, name := range []string{"CREATE-4", "DELETE-2", "GRANT-15", "ISOLATION-2", "LOAD-1", "GEN-10", "OUTAGE-6", "NEXT-1"} {
		moments = append(moments, moment{name, 2}, moment{name, 3})
	}
	for call := range int32(6) { // until the case cleans up, and while it does
		moments = append(moments, moment{"GEN-9", call + 1})
	}
	moments = append(moments, moment{"GEN-9 answers", 1}, moment{"GEN-9 answers", 2})
	for _, m := range moments {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s call %d, early %t", m.name, m.call, early), func(t *testing.T) {
				t.Parallel()
				d := newDriver()
				restarted(t, &phoenix{driver: d, early: early, ends: atCall(m.call, func() bool { return m.name == "" || d.in(m.name) })})
			})
		}
	}
}

// restarted looks at a driver of a store that takes names of any length.
func restarted(t *testing.T, p *phoenix) {
	t.Helper()
	cfg := p.driver.config()
	p.driver.hashNames(&cfg)
	p.driver.reshape(&cfg, wholeNames())
	conn := p.rise(t)
	cfg.SocketFolder = p.driver.folder
	innocent{elsewhere: []string{"GRANT-10"}}.judge(t, p.driver, conn, cfg)
	if n := p.restarts.Load(); n != 1 {
		t.Errorf("%d restarts, want 1", n)
	}
}
