package gocosi

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

// connTracker is a listener that can cut every connection it accepted: grpc.Server.Stop waits for those that have not
// said a word yet. It hands connections of the standard library over as they are. gRPC reads from a wrapped one by
// another way, which keeps a buffer for as long as the connection lives.
type connTracker struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn // those that are open, and some that were
	full  int        // how many conns there may be until those that are closed are dropped
	ended bool       // cut
}

// leastFull keeps a driver with few connections from looking for closed ones each time.
const leastFull = 32

func trackConns(lis net.Listener) *connTracker { return &connTracker{Listener: lis, full: leastFull} }

func (t *connTracker) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if _, plain := conn.(syscall.Conn); !plain {
		conn = &markedConn{Conn: conn}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		conn.Close()
		return conn, nil
	}
	if len(t.conns) >= t.full {
		t.conns = slices.DeleteFunc(t.conns, isClosed)
		t.full = max(leastFull, 2*len(t.conns)) // so that each connection is looked at about once
	}
	t.conns = append(t.conns, conn)
	return conn, nil
}

// cut closes all connections, and those that are still to be accepted.
func (t *connTracker) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, conn := range t.conns {
		if !isClosed(conn) {
			conn.Close()
		}
	}
	t.conns, t.ended = nil, true
}

// markedConn is a connection that cannot be asked whether it is closed.
type markedConn struct {
	net.Conn
	closed atomic.Bool
}

func (c *markedConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// isClosed says whether a connection that Accept returned is closed.
func isClosed(conn net.Conn) bool {
	switch c := conn.(type) {
	case *markedConn:
		return c.closed.Load()
	case syscall.Conn:
		raw, err := c.SyscallConn()
		return err != nil || raw.Control(func(uintptr) {}) != nil
	}
	return false
}
