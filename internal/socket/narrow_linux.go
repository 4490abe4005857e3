package socket

import (
	"io/fs"
	"syscall"
)

// narrow sets the mode that the socket's path is born with to the owner's part of what is asked for. Linux takes the umask
// off that.
func narrow(conn syscall.RawConn, _ string, mode fs.FileMode) error {
	var failure error
	err := conn.Control(func(fd uintptr) { failure = syscall.Fchmod(int(fd), uint32(mode&0o700)) })
	if err != nil {
		return err
	}
	return failure
}
