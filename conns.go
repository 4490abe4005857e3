package gocosi

import (
	"net"
	"sync"
)

// connTracker is a listener that can cut every connection it accepted. grpc.Server.Stop alone waits for those that have
// not said a word yet.
type connTracker struct {
	net.Listener

	mu   sync.Mutex
	open map[*trackedConn]struct{} // nil: cut
}

func trackConns(lis net.Listener) *connTracker {
	return &connTracker{Listener: lis, open: make(map[*trackedConn]struct{})}
}

func (t *connTracker) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tracked := &trackedConn{Conn: conn, tracker: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		conn.Close()
		return tracked, nil
	}
	t.open[tracked] = struct{}{}
	return tracked, nil
}

// cut closes all connections, and those that are still to be accepted.
func (t *connTracker) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for conn := range t.open {
		conn.Conn.Close()
	}
	t.open = nil
}

type trackedConn struct {
	net.Conn
	tracker *connTracker
}

func (c *trackedConn) Close() error {
	c.tracker.mu.Lock()
	delete(c.tracker.open, c)
	c.tracker.mu.Unlock()
	return c.Conn.Close()
}
