//go:build unix

package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// errReplaced tells that a path names another file than it did.
var errReplaced = errors.New("was replaced by another process")

// stat returns the system's record of a file.
func stat(info fs.FileInfo) *syscall.Stat_t {
	return info.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // so it is on every Unix system
}

// replaced refuses what is at the path instead of the file.
func (i *inode) replaced() error {
	return fmt.Errorf("%s %w and was left untouched; want a folder to which nobody else writes", i.path, errReplaced)
}

// checkDead refuses everything but a socket that no process has open.
func (i *inode) checkDead(ctx context.Context) error {
	if mode := i.info.Mode(); mode.Type() != fs.ModeSocket {
		return fmt.Errorf("%s is %s and was left untouched; want a socket, or nothing at the path", i.path, kind(mode))
	}
	switch err := i.meet(ctx); {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil
	case err == nil, errors.Is(err, syscall.EPROTOTYPE):
		return fmt.Errorf("another process uses %s, which was left untouched; want a path of its own for each driver", i.path)
	default:
		return fmt.Errorf("cannot tell whether another process uses %s, which was left untouched: %w; want permission to write to it, "+
			"or its removal by hand", i.path, err)
	}
}

// meet connects a datagram socket to the file. The system then says ECONNREFUSED only if no socket is bound to it, and
// EPROTOTYPE if one of another type is, whether or not that listens. The other side does not notice.
func (i *inode) meet(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unixgram", i.name())
	if err != nil {
		return cause(err)
	}
	return conn.Close()
}

// cause drops what the network's errors say of the path, which may name a descriptor.
func cause(err error) error {
	if call := new(os.SyscallError); errors.As(err, &call) {
		return call.Err
	}
	return err
}

// checkRestart refuses a socket that the process could not prove to be dead after a crash.
func (i *inode) checkRestart(ctx context.Context) error {
	err := i.meet(ctx)
	if errors.Is(err, syscall.EPROTOTYPE) {
		return nil
	}
	return fmt.Errorf("with these permissions a start after a crash could not tell that %s is dead (%w); want a mode and a group that let "+
		"this process write to the socket, such as 0775 and its own group, or the capability CAP_DAC_OVERRIDE", i.path, err)
}

func kind(mode fs.FileMode) string {
	kinds := map[fs.FileMode]string{
		0: "a regular file", fs.ModeDir: "a folder", fs.ModeSymlink: "a symbolic link", fs.ModeSocket: "another socket",
	}
	if name, ok := kinds[mode.Type()]; ok {
		return name
	}
	return "a special file (" + mode.Type().String() + ")"
}

// setPerms sets group, mode and owner. The mode comes before the owner, since only an owner may change a mode: CAP_CHOWN alone
// suffices then.
func (i *inode) setPerms(perms Perms) error {
	if err := i.chown(Keep, perms.GID); err != nil {
		return err
	}
	if err := i.named(os.Chmod(i.name(), perms.Mode)); err != nil {
		return err
	}
	if err := i.checkGift(perms.UID); err != nil {
		return err
	}
	return i.chown(perms.UID, Keep)
}

func (i *inode) chown(uid, gid int) error {
	if uid == Keep && gid == Keep {
		return nil
	}
	err := i.named(os.Chown(i.name(), uid, gid))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; want the capability CAP_CHOWN to give the socket to another user or group", err)
	}
	return err
}

// checkGift refuses to give the socket to a user if it could not be removed afterwards.
func (i *inode) checkGift(uid int) error {
	if uid == Keep || uid == os.Geteuid() {
		return nil
	}
	folder, err := os.Stat(Folder(i.path))
	if err != nil || !keepsStrangersFiles(folder) {
		return err
	}
	return fmt.Errorf("the folder of %s has the sticky bit: a socket of user %d could not be removed from it; want a folder of this process's user, "+
		"one without the bit, or the capability CAP_FOWNER", i.path, uid)
}

// keepsStrangersFiles reports whether the process may not remove the files of other users from a folder that it can write to.
func keepsStrangersFiles(folder fs.FileInfo) bool {
	return folder.Mode()&fs.ModeSticky != 0 && int(stat(folder).Uid) != os.Geteuid() && !ownsEverything()
}

// named says the path in an error that names a descriptor.
func (i *inode) named(err error) error {
	if failure := new(fs.PathError); errors.As(err, &failure) {
		return &fs.PathError{Op: failure.Op, Path: i.path, Err: failure.Err}
	}
	return err
}

// PermsAt returns the permissions that the socket at the path has. Links to it are followed.
func PermsAt(path string) (Perms, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Perms{}, err
	}
	return Perms{Mode: info.Mode().Perm(), UID: int(stat(info).Uid), GID: int(stat(info).Gid)}, nil
}
