// Package conns remembers the connections of a listener and can cut all of them.
package conns

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/foreign"
)

// leastFull keeps a listener with few connections from looking for closed ones each time.
const leastFull = 32

// Listener can cut every connection that it accepted: grpc.Server.Stop waits for those that have sent nothing yet. It
// returns connections of the standard library unwrapped: gRPC keeps a buffer for the life of a wrapped one. Safe for
// concurrent use.
type Listener struct {
	net.Listener

	addr    net.Addr // nil: the listener's own
	closing atomic.Bool

	mu      sync.Mutex
	conns   []net.Conn // the open ones, and some that are closed
	full    int        // length of conns at which the closed ones are dropped
	wasCut  bool
	trouble error // of the last Accept
}

// closeTimeout limits how long a listener may take to close.
const closeTimeout = 500 * time.Millisecond

// Track wraps a listener.
func Track(lis net.Listener) *Listener {
	return &Listener{Listener: lis, full: leastFull}
}

// Adopt wraps a listener whose methods may do anything. It asks for the address once, no longer than the limit.
func Adopt(limit time.Duration, lis net.Listener) (*Listener, error) {
	if foreign.IsNil(lis) {
		return nil, errNil
	}
	addr, err := foreign.Ask(limit, func() net.Addr { return frozen(lis.Addr()) })
	if err != nil {
		return nil, fmt.Errorf("the listener's address: %w", err)
	}
	if addr == nil {
		return nil, errNil
	}
	l := Track(lis)
	l.addr = addr
	return l, nil
}

var errNil = errors.New("the listener, or its address, is nil; want a listener")

// frozen returns an address whose methods are known; nil for a nil of any type.
func frozen(addr net.Addr) net.Addr {
	if foreign.IsNil(addr) {
		return nil
	}
	switch addr.(type) {
	case *net.TCPAddr, *net.UnixAddr:
		return addr
	}
	return text{bound.Cut(addr.Network(), bound.Name), bound.Cut(addr.String(), bound.Text)}
}

// text is what an address said.
type text struct{ network, address string }

func (t text) Network() string { return t.network }
func (t text) String() string  { return t.address }

// Addr returns the address as it was first told.
func (l *Listener) Addr() net.Addr {
	if l.addr != nil {
		return l.addr
	}
	return l.Listener.Addr()
}

// Close closes the listener, once: gRPC closes it again, with a lock held. It does not wait for a listener that does not
// return, and one that was closed before is no failure.
func (l *Listener) Close() error {
	if l.closing.Swap(true) {
		return nil
	}
	return foreign.Within(closeTimeout, func() error {
		if err := l.Listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
}

// Accept waits for the next connection and remembers it.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	l.note(err)
	if err != nil {
		return nil, err
	}
	if _, plain := conn.(syscall.Conn); !plain {
		conn = &markedConn{Conn: conn}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wasCut {
		conn.Close()
		return conn, nil
	}
	l.remember(conn)
	return conn, nil
}

// note keeps the outcome of an Accept. A listener that was closed is no trouble.
func (l *Listener) note(err error) {
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble = err
}

// Trouble returns the error of the last Accept, or nil if that returned a connection. gRPC tries again after most errors, such
// as too many open files, and says nothing.
func (l *Listener) Trouble() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trouble
}

// remember keeps a connection, and drops the closed ones so that each is looked at about once; mu is held.
func (l *Listener) remember(conn net.Conn) {
	if len(l.conns) >= l.full {
		l.conns = slices.DeleteFunc(l.conns, isClosed)
		l.full = max(leastFull, 2*len(l.conns))
	}
	l.conns = append(l.conns, conn)
}

// Cut closes all connections, and each one that is accepted later.
func (l *Listener) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		if !isClosed(conn) {
			conn.Close()
		}
	}
	l.conns, l.wasCut = nil, true
}

// Len counts the connections that the listener remembers.
func (l *Listener) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// markedConn remembers that it was closed, for a connection that cannot be asked.
type markedConn struct {
	net.Conn

	closed atomic.Bool
}

func (c *markedConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// isClosed reports whether a connection that Accept returned is closed.
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
