package conns_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"google.golang.org/grpc/test/bufconn"

	"github.com/doomshrine/gocosi/internal/conns"
	"github.com/doomshrine/gocosi/internal/socket"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestConnectionsAreHandedOver checks that gRPC gets the connection that the driver's listener accepted. gRPC cannot
// wait for data on a wrapped connection.
func TestConnectionsAreHandedOver(t *testing.T) {
	t.Parallel()
	perms := socket.Perms{Mode: 0o600, UID: socket.Keep, GID: socket.Keep}
	inner, err := socket.Listen(t.Context(), filepath.Join(harness.ShortDir(t), "cosi.sock"), perms)
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	lis := conns.Track(inner)
	client, err := new(net.Dialer).DialContext(t.Context(), "unix", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := lis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.(*net.UnixConn); !ok {
		t.Errorf("handed over a %T, want the accepted connection", conn)
	}
}

// kind is a listener, and how it is reached.
type kind struct {
	net.Listener
	dial func() (net.Conn, error)
}

// kinds are listeners whose connections the operating system knows, and others.
func kinds(t *testing.T) map[string]kind {
	t.Helper()
	tcp, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	buffered := bufconn.Listen(1)
	return map[string]kind{
		"the standard library's": {tcp, func() (net.Conn, error) {
			return new(net.Dialer).DialContext(t.Context(), "tcp", tcp.Addr().String())
		}},
		"another's": {buffered, buffered.Dial},
	}
}

// TestConnectionsAreForgotten lets many connections come and go while some stay.
func TestConnectionsAreForgotten(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer kind.Close()
			lis := conns.Track(kind)
			const stay, pass = 50, 1000
			for n := range stay + pass {
				dialled := make(chan net.Conn, 1)
				go func() {
					client, _ := kind.dial()
					dialled <- client
				}()
				conn, err := lis.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer (<-dialled).Close()
				if n < stay {
					defer conn.Close()
				} else {
					conn.Close()
				}
			}
			if n := lis.Len(); n < stay || n > 2*stay {
				t.Errorf("remembers %d connections, want the %d open ones and few more", n, stay)
			}
		})
	}
}

// scripted returns from Accept what a test says: an error, or a connection for nil.
type scripted struct {
	net.Listener

	outcomes []error
}

func (s *scripted) Accept() (net.Conn, error) {
	err := s.outcomes[0]
	s.outcomes = s.outcomes[1:]
	if err != nil {
		return nil, err
	}
	conn, other := net.Pipe()
	return conn, other.Close()
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	full := &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	closed := &net.OpError{Op: "accept", Net: "unix", Err: net.ErrClosed}
	steps := []struct{ outcome, want error }{
		{nil, nil}, {full, syscall.EMFILE}, {full, syscall.EMFILE}, {nil, nil}, {full, syscall.EMFILE}, {closed, nil},
	}
	inner := &scripted{}
	lis := conns.Track(inner)
	if err := lis.Trouble(); err != nil {
		t.Errorf("Trouble = %v before the first Accept, want nil", err)
	}
	for i, step := range steps {
		inner.outcomes = append(inner.outcomes, step.outcome)
		conn, err := lis.Accept()
		if !errors.Is(err, step.outcome) {
			t.Errorf("step %d: Accept = %v, want %v", i, err, step.outcome)
		}
		if conn != nil {
			conn.Close()
		}
		if got := lis.Trouble(); !errors.Is(got, step.want) || (step.want == nil) != (got == nil) {
			t.Errorf("step %d: Trouble = %v, want %v", i, got, step.want)
		}
	}
}
