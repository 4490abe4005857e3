//go:build unix

package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	startLockWait  = 10 * time.Second      // how long a start waits for other processes that start or end
	endLockWait    = time.Second           // how long a drain does
	folderLockPoll = 10 * time.Millisecond // how often to ask
	reclaimTimeout = 2 * time.Second       // how long a live socket may take to accept
)

// listenUnix makes the socket, with the permissions asked for and never a moment with wider ones. A missing folder is
// made. A socket on which nobody answers is replaced; a live one, and anything that is not a socket, is left untouched
// and refused. All of it happens under a lock on the folder, so that of several processes exactly one wins.
func listenUnix(ctx context.Context, path string, perms Perms) (net.Listener, error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
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

// lockFolder takes the advisory lock of the folder's own descriptor: it leaves no file behind, and the kernel frees it
// when the process dies.
func lockFolder(ctx context.Context, folder string, patience time.Duration) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(folderLockPoll)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, &fs.PathError{Op: "flock", Path: folder, Err: err}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another process holds the lock of the folder %s: %w", folder, ctx.Err())
		}
	}
}

// reclaim clears the path of a socket that a process left when it died. A refused connection is the only proof of that.
func reclaim(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is %s, not a socket; it is left untouched", path, kind(info.Mode()))
	}
	dialer := net.Dialer{Timeout: reclaimTimeout}
	conn, err := dialer.DialContext(ctx, Unix, path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("another process answers on %s; it is left untouched", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return fmt.Errorf("whether another process uses %s cannot be told, so it is left untouched: %w", path, err)
}

func kind(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "a regular file"
	case fs.ModeDir:
		return "a folder"
	case fs.ModeSymlink:
		return "a symbolic link"
	}
	return "a special file (" + mode.Type().String() + ")"
}

// bind makes the socket, closed to all but the process's own user, and opens it from there to exactly what is asked
// for. The mode comes before the owner: CAP_CHOWN alone then suffices, since only an owner may change a mode.
func bind(ctx context.Context, path string, perms Perms) (_ net.Listener, err error) {
	lc := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		return narrow(conn, path, perms.Mode)
	}}
	lis, err := lc.Listen(ctx, Unix, path)
	if err != nil {
		return nil, err
	}
	socket := &ownedSocket{UnixListener: lis.(*net.UnixListener), path: path} //nolint:forcetypeassert // the network is unix
	socket.SetUnlinkOnClose(false)
	defer func() {
		if err != nil {
			os.Remove(path)
			socket.UnixListener.Close()
		}
	}()
	if socket.info, err = os.Lstat(path); err != nil {
		return nil, err
	}
	if err := chown(path, Keep, perms.GID); err != nil {
		return nil, err
	}
	if err := os.Chmod(path, perms.Mode); err != nil {
		return nil, err
	}
	if err := chown(path, perms.UID, Keep); err != nil {
		return nil, err
	}
	return socket, nil
}

func chown(path string, uid, gid int) error {
	if uid == Keep && gid == Keep {
		return nil
	}
	err := os.Lchown(path, uid, gid)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: to give the socket to another user or group takes the capability CAP_CHOWN", err)
	}
	return err
}

// ownedSocket is a listener that removes its path when it is closed, if the socket there is still its own.
type ownedSocket struct {
	*net.UnixListener
	path string
	info fs.FileInfo // what was bound: device and inode

	once sync.Once
	err  error
}

// Close removes the path and then closes the descriptor: as long as that is open, no other socket can have its inode.
func (s *ownedSocket) Close() error {
	s.once.Do(func() { s.err = errors.Join(s.remove(), s.UnixListener.Close()) })
	return s.err
}

func (s *ownedSocket) remove() error {
	unlock, err := lockFolder(context.Background(), filepath.Dir(s.path), endLockWait)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	info, err := os.Lstat(s.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, s.info) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(s.path)
}
