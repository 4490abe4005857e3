//go:build unix

package socket

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
	startLockWait  = 10 * time.Second // for other processes that start or end
	endLockWait    = time.Second      // the same at a drain
	folderLockPoll = 10 * time.Millisecond
	reclaimTimeout = 2 * time.Second // for a live socket to accept
)

// Listen makes the socket with the permissions asked for, and its folder if that is missing. It replaces a socket on which
// nobody answers, and refuses a live one and anything that is not a socket, untouched. It holds a lock on the folder
// meanwhile, so that of several processes exactly one wins. Closing the listener removes the path if it is still its own.
func Listen(ctx context.Context, path string, perms Perms) (net.Listener, error) {
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

// lockFolder takes the advisory lock of the folder's descriptor, which leaves no file behind and dies with the process.
func lockFolder(ctx context.Context, folder string, patience time.Duration) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := awaitLock(ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// awaitLock asks again and again: a blocking flock would not obey ctx.
func awaitLock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(folderLockPoll)
	defer tick.Stop()
	for {
		if locked, err := tryLock(f); locked || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("another process holds the lock of the folder %s: %w", f.Name(), ctx.Err())
		}
	}
}

func tryLock(f *os.File) (locked bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock "+f.Name(), err)
}

// reclaim removes a socket that a dead process left, and refuses whatever else is at the path.
func reclaim(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is %s and was left untouched; want a socket, or nothing at the path", path, kind(info.Mode()))
	}
	if err := checkDead(ctx, path); err != nil {
		return err
	}
	return os.Remove(path)
}

// checkDead refuses a socket that a process may still use. Only a refused connection proves that none does.
func checkDead(ctx context.Context, path string) error {
	dialer := net.Dialer{Timeout: reclaimTimeout}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("another process answers on %s, which was left untouched; want a path of its own for each driver", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil
	}
	return fmt.Errorf("cannot tell whether another process uses %s, which was left untouched: %w", path, err)
}

func kind(mode fs.FileMode) string {
	kinds := map[fs.FileMode]string{0: "a regular file", fs.ModeDir: "a folder", fs.ModeSymlink: "a symbolic link"}
	if name, ok := kinds[mode.Type()]; ok {
		return name
	}
	return "a special file (" + mode.Type().String() + ")"
}

// bind makes the socket closed to all but the process's own user, and opens it to exactly what is asked for.
func bind(ctx context.Context, path string, perms Perms) (_ net.Listener, err error) {
	lc := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		return narrow(conn, path, perms.Mode)
	}}
	lis, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	socket := &ownedSocket{UnixListener: lis.(*net.UnixListener), path: path} //nolint:forcetypeassert // the network is unix
	socket.SetUnlinkOnClose(false)
	if socket.info, err = os.Lstat(path); err == nil {
		err = setPerms(path, perms)
	}
	if err != nil {
		os.Remove(path)
		socket.UnixListener.Close()
		return nil, err
	}
	return socket, nil
}

// setPerms sets group, mode and owner. The mode comes before the owner, since only an owner may change a mode: CAP_CHOWN alone
// suffices then.
func setPerms(path string, perms Perms) error {
	if err := chown(path, Keep, perms.GID); err != nil {
		return err
	}
	if err := os.Chmod(path, perms.Mode); err != nil {
		return err
	}
	return chown(path, perms.UID, Keep)
}

func chown(path string, uid, gid int) error {
	if uid == Keep && gid == Keep {
		return nil
	}
	err := os.Lchown(path, uid, gid)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; want the capability CAP_CHOWN to give the socket to another user or group", err)
	}
	return err
}

// ownedSocket removes its path when it is closed, if the socket there is still its own.
type ownedSocket struct {
	*net.UnixListener
	path string
	info fs.FileInfo // what was bound: device and inode

	once sync.Once
	err  error
}

// Close removes the path before it closes the descriptor: while that is open, no other socket can get its inode.
func (s *ownedSocket) Close() error {
	s.once.Do(func() { s.err = errors.Join(unlessGone(s.remove()), s.UnixListener.Close()) })
	return s.err
}

func (s *ownedSocket) remove() error {
	unlock, err := lockFolder(context.Background(), filepath.Dir(s.path), endLockWait)
	if err != nil {
		return err
	}
	defer unlock()
	return s.removeLocked()
}

// removeLocked leaves a path that is somebody else's.
func (s *ownedSocket) removeLocked() error {
	info, err := os.Lstat(s.path)
	if err != nil || !os.SameFile(info, s.info) {
		return err
	}
	return os.Remove(s.path)
}

// unlessGone forgives a path, or a folder, that is already gone.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
