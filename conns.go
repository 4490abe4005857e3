package gocosi

import (
	"net"
	"slices"
	"sync"
	"time"
)

// handshakeTimeout is how long a new connection may stay silent.
const handshakeTimeout = 10 * time.Second

// connTracker is a listener that can cut the connections that have not said a word yet: grpc.Server.Stop waits for those
// before it cuts the others. It wraps no connection, for gRPC reads from one of the standard library's only when there
// is something to read, and from any other into a buffer that it keeps.
type connTracker struct {
	net.Listener

	mu    sync.Mutex
	fresh []freshConn // those whose handshake may not have ended
	ended bool        // cut
}

// freshConn is a connection, and when it was accepted.
type freshConn struct {
	net.Conn
	since time.Time
}

// old says whether the handshake has ended; gRPC's clock began a little after ours.
func (c freshConn) old() bool { return time.Since(c.since) > 2*handshakeTimeout }

func trackConns(lis net.Listener) *connTracker { return &connTracker{Listener: lis} }

func (t *connTracker) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		conn.Close()
		return conn, nil
	}
	t.fresh = append(slices.DeleteFunc(t.fresh, freshConn.old), freshConn{conn, time.Now()})
	return conn, nil
}

// cut closes the fresh connections, and those that are still to be accepted. Some were closed long ago.
func (t *connTracker) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, conn := range t.fresh {
		conn.Close()
	}
	t.fresh, t.ended = nil, true
}
