package conns_test

import (
	"net"
	"testing"

	"google.golang.org/grpc/test/bufconn"

	"github.com/doomshrine/gocosi/internal/conns"
)

// counted is a connection that counts how often it was closed.
type counted struct {
	net.Conn

	closed int
}

func (c *counted) Close() error { c.closed++; return c.Conn.Close() }

// counting is a listener of such connections.
type counting struct {
	net.Listener

	accepted []*counted
}

func (l *counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &counted{Conn: conn}
	l.accepted = append(l.accepted, c)
	return c, nil
}

// accept makes a connection and returns its two ends.
func accept(t *testing.T, lis *conns.Listener, dial func() (net.Conn, error)) (server, client net.Conn) {
	t.Helper()
	dialled := make(chan net.Conn, 1)
	go func() {
		conn, err := dial()
		if err != nil {
			t.Error(err)
		}
		dialled <- conn
	}()
	server, err := lis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client = <-dialled
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// isCut reports whether a client's connection is closed by the other side.
func isCut(client net.Conn) bool {
	_, err := client.Read(make([]byte, 1))
	return err != nil
}

func TestCut(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer kind.Close()
			lis := conns.Track(kind)
			_, one := accept(t, lis, kind.dial)
			_, two := accept(t, lis, kind.dial)
			if n := lis.Len(); n != 2 {
				t.Errorf("remembers %d connections, want 2", n)
			}
			lis.Cut()
			_, late := accept(t, lis, kind.dial)
			for what, client := range map[string]net.Conn{"first": one, "second": two, "late": late} {
				if !isCut(client) {
					t.Errorf("the %s connection is open, want it cut", what)
				}
			}
			if n := lis.Len(); n != 0 {
				t.Errorf("remembers %d connections after the cut, want none", n)
			}
		})
	}
}

// TestCutClosesOnce cuts connections of which one is closed already.
func TestCutClosesOnce(t *testing.T) {
	t.Parallel()
	buffered := bufconn.Listen(1)
	defer buffered.Close()
	inner := &counting{Listener: buffered}
	lis := conns.Track(inner)
	server, _ := accept(t, lis, buffered.Dial)
	accept(t, lis, buffered.Dial)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	lis.Cut()
	for i, c := range inner.accepted {
		if c.closed != 1 {
			t.Errorf("connection %d was closed %d times, want once", i, c.closed)
		}
	}
}
