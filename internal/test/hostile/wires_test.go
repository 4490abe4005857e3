package hostile_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

const (
	getInfo      = "/cosi.v1alpha1.Identity/DriverGetInfo"
	createBucket = "/cosi.v1alpha1.Provisioner/DriverCreateBucket"
)

// TestHeadersOnTheWire begins calls with headers that gRPC's own client never sends. Each is ended, and the driver lives.
func TestHeadersOnTheWire(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("y", 1<<20)
	for name, tt := range map[string]struct {
		method string
		more   []string
	}{
		"1 MiB in one header":   {getInfo, []string{"x", big}},
		"1 MiB in many headers": {getInfo, strings.Split(strings.Repeat("x,"+big[:32<<10]+",", 31)+"x,y", ",")},
		"1 MiB of a path":       {"/" + big + "/" + big, nil},
		"unknown compressor":    {getInfo, []string{"grpc-encoding", "odd"}},
		"long compressor":       {getInfo, []string{"grpc-encoding", big[:60<<10]}},
		"deadline of nothing":   {getInfo, []string{"grpc-timeout", "0n"}},
		"deadline is no number": {getInfo, []string{"grpc-timeout", "-5S"}},
		"deadline of ages":      {getInfo, []string{"grpc-timeout", "99999999H"}},
		"no such method":        {"/", nil},
		"no slash":              {"x", nil},
		"odd content":           {getInfo, []string{"content-type", "text/plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log tape
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.logger()))
			w := dialWire(t, d)
			go w.read()
			w.open(1, tt.method, tt.more...)
			w.send(t, 1, &cosi.DriverGetInfoRequest{})
			w.has(t, "end of the call", func(w *wire) bool { return w.ended[1] || w.closed })
			d.Lives(t)
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
			lines := log.take()
			logged := len(strings.Join(lines, "\n"))
			t.Logf("%d bytes of log", logged)
			if logged > mostOfCall {
				t.Errorf("want at most %d", mostOfCall)
			}
		})
	}
}

// TestFloods sends very many frames of a kind, which must leave nothing behind. It is not parallel: other tests would change
// the heap.
func TestFloods(t *testing.T) {
	many := 20_000
	if raced.On {
		many = 1000
	}
	for name, flood := range map[string]func(*testing.T, *harness.Running){
		"resets of calls that wait for a message": func(t *testing.T, d *harness.Running) {
			w := dialWire(t, d)
			go w.read()
			for i := range uint32(many) {
				w.open(2*i+1, createBucket)
				w.reset(2*i + 1)
			}
		},
		"resets of calls": func(t *testing.T, d *harness.Running) {
			w := dialWire(t, d)
			go w.read()
			for i := range uint32(many) {
				w.open(2*i+1, createBucket)
				w.send(t, 2*i+1, &cosi.DriverCreateBucketRequest{Name: "b"})
				w.reset(2*i + 1)
			}
		},
		"pings": func(t *testing.T, d *harness.Running) {
			w := dialWire(t, d)
			go w.read()
			for range many {
				w.frame(framePing, 0, 0, make([]byte, 8))
			}
			w.has(t, "answer to a ping", func(w *wire) bool { return w.pings > 0 })
		},
		"settings": func(t *testing.T, d *harness.Running) {
			w := dialWire(t, d)
			go w.read()
			for range many {
				w.frame(frameSettings, 0, 0, nil)
			}
		},
		"connections": func(t *testing.T, d *harness.Running) {
			for range many / 10 {
				w := newWire(t, d)
				w.open(1, getInfo)
				w.conn.Close()
			}
		},
		"connections that say nothing": func(t *testing.T, d *harness.Running) {
			for range many / 10 {
				newWire(t, d).conn.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := harness.Start(t, &harness.Handlers{})
			d.Lives(t)
			before, goroutines := heap(), runtime.NumGoroutine()
			begun := time.Now()
			flood(t, d)
			d.Lives(t)
			took := time.Since(begun)
			harness.Eventually(t, func() bool { return d.Holds.Calls() == 0 && d.Holds.Locks() == 0 }, "calls are left")
			harness.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+8 }, "goroutines are left")
			grown := heap() - before
			t.Logf("in %s, then %d bytes of heap more than before", took, grown)
			if grown > mostKept && !raced.On {
				t.Errorf("want at most %d", mostKept)
			}
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestThousandsOfConnections holds connections open, some of which say nothing.
func TestThousandsOfConnections(t *testing.T) {
	const many = 1000
	d := harness.Start(t, &harness.Handlers{})
	before := heap()
	for i := range many {
		w := dialWire(t, d)
		if i%2 == 0 {
			w.open(1, createBucket)
		}
	}
	begun := time.Now()
	d.Lives(t)
	t.Logf("a call beside %d connections took %s; %d bytes of heap for each", many, time.Since(begun), (heap()-before)/many)
	begun = time.Now()
	if err := d.Wait(t); err != nil {
		t.Error(err)
	}
	t.Logf("the stop took %s", time.Since(begun))
}

// TestReadersThatNeverRead leaves answers unread, and stops the driver.
func TestReadersThatNeverRead(t *testing.T) {
	t.Parallel()
	const (
		shutdown      = 20 * time.Second
		unread        = 5 * time.Second // for callers to read their answers
		initialWindow = 4
	)
	for name, window := range map[string]uint32{"no window": 0, "no reading": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log harness.Logs
				d := harness.Serve(t, &harness.Handlers{}, gocosi.WithDefaultShutdownTimeout(shutdown), gocosi.WithLogger(log.Logger()))
				w := dialWire(t, d, initialWindow, window)
				const calls = 200
				for i := range uint32(calls) {
					w.open(2*i+1, getInfo)
					w.send(t, 2*i+1, &cosi.DriverGetInfoRequest{})
				}
				synctest.Wait()
				time.Sleep(time.Minute)
				t.Logf("%d lines, %d calls are open", len(log.Lines("DriverGetInfo")), d.Holds.Calls())
				begun := time.Now()
				err := d.Wait(t)
				took := time.Since(begun)
				t.Logf("the stop took %s", took)
				if err != nil || took > unread+soon {
					t.Errorf("Serve: %v after %s, want at most %s", err, took, unread+soon)
				}
				if found := log.Lines(`"msg"="connections are cut off"`); len(found) != 1 {
					t.Errorf("got the lines %q, want one about the connections", found)
				}
			})
		})
	}
}

// TestStopWhileCallersCome stops drivers while callers begin, cancel and end calls: nobody waits for an answer for ever, and
// Run returns nil, because no handler takes long.
func TestStopWhileCallersCome(t *testing.T) {
	t.Parallel()
	const drivers, callers = 20, 8
	for i := range drivers {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, &harness.Handlers{})
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan int, callers)
			for c := range callers {
				go func() {
					n := 0
					for ; ctx.Err() == nil; n++ {
						call, cancel := context.WithTimeout(context.Background(), time.Duration(1+n%(c+2)*300)*time.Microsecond)
						_ = d.Create(call)
						cancel()
					}
					done <- n
				}()
			}
			harness.Eventually(t, func() bool { return d.Holds.Calls() > 0 }, "no call comes")
			for range i {
				runtime.Gosched()
			}
			begun := time.Now()
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
			took := time.Since(begun)
			stop()
			calls := 0
			for range callers {
				calls += <-done
			}
			t.Logf("the stop took %s, beside %d calls", took, calls)
		})
	}
}
