package socket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// proofTimeout limits the wait for a connection of our own, which the system queues at once.
const proofTimeout = time.Second

// inode is a file, found without following a link and held whatever becomes of its path.
type inode struct {
	path   string
	handle *os.File // permits nothing but to find the file
	info   fs.FileInfo
}

func openInode(path string) (*inode, error) {
	handle, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	i := &inode{path: path, handle: handle}
	if i.info, err = handle.Stat(); err == nil {
		err = i.checkName()
	}
	if err != nil {
		handle.Close()
		return nil, err
	}
	return i, nil
}

// name is a path that leads to the file itself, for calls that take no descriptor.
func (i *inode) name() string { return "/proc/self/fd/" + strconv.Itoa(int(i.handle.Fd())) }

func (i *inode) checkName() error {
	info, err := os.Stat(i.name())
	if err != nil || !os.SameFile(info, i.info) {
		return fmt.Errorf("cannot reach the file %s by its descriptor (%w); want the proc filesystem at /proc", i.path, err)
	}
	return nil
}

// close ends the hold on the file; info stays.
func (i *inode) close() { i.handle.Close() }

// prove refuses an inode that the socket is not bound to. A connection through the inode has to arrive at the socket, from
// an address that nobody can guess.
func (s *ownedSocket) prove(ctx context.Context, in *inode) error {
	if in.info.Mode().Type() != fs.ModeSocket {
		return in.replaced()
	}
	from := &net.UnixAddr{Net: "unix", Name: "@gocosi-" + rand.Text()}
	conn, err := (&net.Dialer{LocalAddr: from, Timeout: proofTimeout}).DialContext(ctx, "unix", in.name())
	switch {
	case errors.Is(err, syscall.EACCES):
		return in.proveByFolder()
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EPROTOTYPE):
		return in.replaced()
	case err != nil:
		return fmt.Errorf("cannot connect to the new socket %s: %w", in.path, cause(err))
	}
	defer conn.Close()
	if !s.arrives(from.Name) {
		return in.replaced()
	}
	return nil
}

// arrives accepts connections until one from the address is among them, and keeps the others.
func (s *ownedSocket) arrives(from string) bool {
	if err := s.SetDeadline(time.Now().Add(proofTimeout)); err != nil {
		return false
	}
	defer s.SetDeadline(time.Time{}) //nolint:errcheck // it succeeded a moment ago
	for {
		conn, err := s.UnixListener.Accept()
		if err != nil {
			return false
		}
		if conn.RemoteAddr().String() == from {
			conn.Close()
			return true
		}
		s.early = append(s.early, conn)
	}
}

// proveByFolder does without a connection, for an umask that takes the owner's own permissions: where nobody else can rename
// files, the one at our path is ours.
func (i *inode) proveByFolder() error {
	folder, err := os.Stat(Folder(i.path))
	if err != nil {
		return err
	}
	if int(stat(i.info).Uid) != os.Geteuid() || replacers(folder) != "" {
		return fmt.Errorf("cannot tell whether %s is this process's own: %w; want an umask such as 022, or a folder to which nobody else writes",
			i.path, syscall.EACCES)
	}
	return nil
}

// remove takes the path away from the file, and from no other: the file is moved out of its folder, looked at, and only then
// removed. Where the system allows no such move, the look comes right before the removal.
func (i *inode) remove() error {
	path, name := split(i.path)
	folder, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer folder.Close()
	at := place{i, int(folder.Fd())}
	if err := at.check(name); err != nil {
		return err
	}
	if aside := "../." + name + "-" + rand.Text(); at.moved(name, aside) {
		return at.removeAside(name, aside)
	}
	return at.unlink(name)
}

// place is a file in a folder, which is given by a descriptor.
type place struct {
	*inode

	folder int
}

// check refuses a name that is another file's.
func (p place) check(name string) error {
	var found unix.Stat_t
	err := unix.Fstatat(p.folder, name, &found, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return &fs.PathError{Op: "stat", Path: p.path, Err: err}
	}
	if own := stat(p.info); found.Dev != own.Dev || found.Ino != own.Ino {
		return p.replaced()
	}
	return nil
}

// moved moves what has the name into the folder's parent, if it can certainly be moved back.
func (p place) moved(name, aside string) bool {
	folder, parent := p.stat("."), p.stat("..")
	if folder == nil || parent == nil || os.SameFile(folder, parent) || keepsStrangersFiles(parent) {
		return false
	}
	return unix.Renameat2(p.folder, name, p.folder, aside, unix.RENAME_NOREPLACE) == nil
}

// stat looks from the folder, not from its path: that may lead elsewhere by now.
func (p place) stat(name string) fs.FileInfo {
	info, err := os.Stat("/proc/self/fd/" + strconv.Itoa(p.folder) + "/" + name)
	if err != nil {
		return nil
	}
	return info
}

// removeAside removes what was moved aside, or moves it back if it is another file.
func (p place) removeAside(name, aside string) error {
	replaced := p.check(aside)
	if replaced == nil {
		return p.unlink(aside)
	}
	if err := unix.Renameat2(p.folder, aside, p.folder, name, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("%s was replaced while it was removed, and what replaced it is now at %s/%s: %w",
			p.path, Folder(p.path), aside, err)
	}
	return replaced
}

func (p place) unlink(name string) error {
	if err := unix.Unlinkat(p.folder, name, 0); err != nil {
		return &fs.PathError{Op: "remove", Path: p.path, Err: err}
	}
	return nil
}

// ownsEverything reports whether the process has CAP_FOWNER.
func ownsEverything() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_FOWNER) != 0
}
