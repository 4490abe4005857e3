package conns_test

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/conns"
	"github.com/doomshrine/gocosi/internal/foreign"
)

// named is a listener whose address is what a test says.
type named struct {
	net.Listener

	addr func() net.Addr
}

func (l named) Addr() net.Addr { return l.addr() }

// odd is an address of an author's own.
type odd struct{ network, address string }

func (o *odd) Network() string { return o.network }
func (o *odd) String() string  { return o.address }

func TestAdopt(t *testing.T) {
	t.Parallel()
	unix := &net.UnixAddr{Net: "unix", Name: "/run/cosi.sock"}
	tcp := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	long := strings.Repeat("x", 1<<20)
	for name, tt := range map[string]struct {
		lis  net.Listener
		want net.Addr // nil: it is refused
		says string
	}{
		"nothing":      {nil, nil, "is nil; want a listener"},
		"nil":          {(*net.UnixListener)(nil), nil, "is nil; want a listener"},
		"no address":   {named{addr: func() net.Addr { return nil }}, nil, "is nil; want a listener"},
		"nil address":  {named{addr: func() net.Addr { return (*odd)(nil) }}, nil, "is nil; want a listener"},
		"panics":       {named{addr: func() net.Addr { panic("odd") }}, nil, "the listener's address: panic: odd"},
		"hangs":        {named{addr: func() net.Addr { time.Sleep(time.Hour); return unix }}, nil, "the listener's address: it did not return in time"},
		"Unix":         {named{addr: func() net.Addr { return unix }}, unix, ""},
		"TCP":          {named{addr: func() net.Addr { return tcp }}, tcp, ""},
		"of its own":   {named{addr: func() net.Addr { return &odd{"mem", "a"} }}, &odd{"mem", "a"}, ""},
		"far too long": {named{addr: func() net.Addr { return &odd{long, long} }}, &odd{bound.Cut(long, bound.Name), bound.Cut(long, bound.Text)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lis, err := conns.Adopt(time.Second, tt.lis)
				time.Sleep(time.Hour) // for the one that hangs
				switch {
				case tt.want == nil && (err == nil || lis != nil || !strings.Contains(err.Error(), tt.says)):
					t.Errorf("got %v, %v; want an error with %q", lis, err, tt.says)
				case tt.want != nil && err != nil:
					t.Errorf("got %v, want the address %s", err, tt.want)
				case tt.want != nil && (lis.Addr().Network() != tt.want.Network() || lis.Addr().String() != tt.want.String()):
					t.Errorf("got the address %s %s, want %s %s", lis.Addr().Network(), lis.Addr(), tt.want.Network(), tt.want)
				}
			})
		})
	}
}

// TestAddressDoesNotChange changes an address that was told.
func TestAddressDoesNotChange(t *testing.T) {
	t.Parallel()
	addr := &odd{"mem", "first"}
	inner := named{addr: func() net.Addr { return addr }}
	adopted, err := conns.Adopt(time.Minute, inner)
	if err != nil {
		t.Fatal(err)
	}
	tracked := conns.Track(inner)
	addr.address = "second"
	if adopted.Addr().String() != "first" || tracked.Addr().String() != "second" {
		t.Errorf("got %s and %s; want the first of an adopted listener, and a tracked one's own", adopted.Addr(), tracked.Addr())
	}
}

// closing is a listener that ends as a test says.
type closing struct {
	net.Listener

	close func() error
}

func (l closing) Close() error { return l.close() }

func TestClose(t *testing.T) {
	t.Parallel()
	errOdd := errors.New("odd")
	for name, tt := range map[string]struct {
		close func() error
		want  error
		takes time.Duration
	}{
		"well":          {func() error { return nil }, nil, 0},
		"fails":         {func() error { return errOdd }, errOdd, 0},
		"closed before": {func() error { return &net.OpError{Op: "close", Err: net.ErrClosed} }, nil, 0},
		"hangs":         {func() error { time.Sleep(time.Hour); return nil }, foreign.ErrLate, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				lis := conns.Track(closing{close: func() error { calls.Add(1); return tt.close() }})
				begun := time.Now()
				if err := lis.Close(); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("Close returns %v, want %v", err, tt.want)
				}
				if err := lis.Close(); err != nil {
					t.Errorf("Close returns %v again, want nil", err)
				}
				if took := time.Since(begun); took != tt.takes {
					t.Errorf("it took %s, want %s", took, tt.takes)
				}
				time.Sleep(time.Hour)
				if n := calls.Load(); n != 1 {
					t.Errorf("the listener was closed %d times, want once", n)
				}
			})
		})
	}
}
