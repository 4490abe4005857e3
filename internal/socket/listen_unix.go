//go:build unix

package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
)

// Listen makes the socket with the permissions asked for, and its folder if that is missing. It replaces a socket that no
// process has open, and refuses any other and anything that is not a socket, untouched. It holds a lock on the folder
// meanwhile, so that of several processes exactly one wins. Closing the listener removes the path if it is still its own.
// The listener has a method Lost() error, which tells when clients can no longer reach it by its path.
func Listen(ctx context.Context, path string, perms Perms) (net.Listener, error) {
	folder := Folder(path)
	if err := makeFolder(folder); err != nil {
		return nil, err
	}
	unlock, err := lockFolder(ctx, folder, startLockWait)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := reclaim(ctx, path); err != nil {
		return nil, err
	}
	return bind(ctx, path, perms)
}

// reclaim removes a socket that a dead process left, and refuses whatever else is at the path.
func reclaim(ctx context.Context, path string) error {
	old, err := openInode(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer old.close()
	if err := old.checkDead(ctx); err != nil {
		return err
	}
	if err := old.remove(); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// bind makes the socket closed to all but the process's own user, and opens it to exactly what is asked for.
func bind(ctx context.Context, path string, perms Perms) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		return narrow(conn, path, perms.Mode)
	}}
	lis, err := lc.Listen(ctx, "unix", path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w; want a folder that user %d may write to", err, os.Geteuid())
	}
	if err != nil {
		return nil, err
	}
	socket := &ownedSocket{UnixListener: lis.(*net.UnixListener), path: path} //nolint:forcetypeassert // the network is unix
	socket.SetUnlinkOnClose(false)
	if err := socket.settle(ctx, perms); err != nil {
		return nil, errors.Join(err, socket.shut())
	}
	return socket, nil
}

// ownedSocket removes its path when it is closed, if the socket there is still its own.
type ownedSocket struct {
	*net.UnixListener

	path string
	own  *inode // what was bound; closed

	mu    sync.Mutex
	early []net.Conn // accepted while the proof was awaited

	once sync.Once
	err  error
}

// settle finds the socket's inode and gives it its permissions. What is not proven to be the socket's stays untouched.
func (s *ownedSocket) settle(ctx context.Context, perms Perms) error {
	own, err := openInode(s.path)
	if err != nil {
		return err
	}
	defer own.close()
	if err := s.prove(ctx, own); err != nil {
		return err
	}
	s.own = own
	err = own.setPerms(perms)
	if err == nil {
		err = own.checkRestart(ctx)
	}
	if err != nil {
		return errors.Join(err, unlessGone(own.remove()))
	}
	return nil
}

// Accept returns the next connection.
func (s *ownedSocket) Accept() (net.Conn, error) {
	if conn := s.nextEarly(); conn != nil {
		return conn, nil
	}
	return s.UnixListener.Accept()
}

func (s *ownedSocket) nextEarly() net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.early) == 0 {
		return nil
	}
	conn := s.early[0]
	s.early = slices.Delete(s.early, 0, 1)
	return conn
}

// Close removes the path before it closes the descriptor: while that is open, no other socket can get its inode.
func (s *ownedSocket) Close() error {
	s.once.Do(func() { s.err = errors.Join(unlessGone(s.remove()), s.shut()) })
	return s.err
}

// remove waits for the folder's lock, since a process that starts may be at work there.
func (s *ownedSocket) remove() error {
	unlock, err := lockFolder(context.Background(), Folder(s.path), endLockWait)
	if err != nil {
		return err
	}
	defer unlock()
	return s.own.remove()
}

// shut closes the listener, and the connections that nobody asked for.
func (s *ownedSocket) shut() error {
	defer func() {
		for conn := s.nextEarly(); conn != nil; conn = s.nextEarly() {
			conn.Close()
		}
	}()
	return s.UnixListener.Close()
}

// Lost returns nil while the socket's path leads to it, and otherwise an error that tells what is there.
func (s *ownedSocket) Lost() error {
	const want = "clients cannot reach the driver; want a restart"
	info, err := os.Lstat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the socket %s was removed: %s", s.path, want)
	case err != nil:
		return fmt.Errorf("the socket's path leads nowhere: %w: %s", err, want)
	case !os.SameFile(info, s.own.info):
		return fmt.Errorf("the socket %s was replaced by %s: %s", s.path, kind(info.Mode()), want)
	}
	return nil
}

// unlessGone forgives a path, or a folder, that is already gone or somebody else's.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errReplaced) {
		return nil
	}
	return err
}
