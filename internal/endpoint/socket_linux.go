package endpoint

import (
	"io/fs"
	"syscall"
)

// narrow gives the socket, before it has a path, the mode that its path will be born with: the owner's part of what is
// asked for. Linux makes the path with this mode less the umask.
func narrow(conn syscall.RawConn, _ string, mode fs.FileMode) error {
	var failure error
	err := conn.Control(func(fd uintptr) { failure = syscall.Fchmod(int(fd), uint32(mode&0o700)) })
	if err != nil {
		return err
	}
	return failure
}
