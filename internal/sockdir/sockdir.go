// Package sockdir makes temporary folders for Unix sockets. A socket's path is limited to about a hundred bytes, and
// TMPDIR alone may be longer than that.
package sockdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Room is the number of bytes that Make leaves for a path below its folder, enough for /run/cosi.sock.
const Room = 32

const (
	maxPath   = len(syscall.RawSockaddrUnix{}.Path) - 1 // the address ends with a zero byte
	pattern   = "cosi"
	maxParent = maxPath - Room - len("/"+pattern+"4294967295") // os.MkdirTemp appends a number of 32 bits
)

// Make makes a folder that only its owner can enter, whose path is absolute and leaves Room bytes for what lies below.
// The caller removes it.
func Make() (string, error) {
	parent, err := Parent()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(parent, pattern)
}

// Parent returns the folder in which Make makes its folders: os.TempDir, or the first of /tmp, /var/tmp and /dev/shm that
// is writable when a socket's path cannot begin with os.TempDir.
func Parent() (string, error) {
	candidates := []string{os.TempDir()}
	if runtime.GOOS != "windows" {
		candidates = append(candidates, "/tmp", "/var/tmp", "/dev/shm")
	}
	return firstUsable(candidates)
}

func firstUsable(candidates []string) (string, error) {
	var refused []error
	for _, dir := range candidates {
		dir, err := usable(dir)
		if err == nil {
			return dir, nil
		}
		refused = append(refused, err)
	}
	return "", fmt.Errorf("found no temporary folder for a Unix socket, want a TMPDIR that is writable and has at most %d bytes: %w",
		maxParent, errors.Join(refused...))
}

// usable returns the absolute path of a folder in which Make can make one.
func usable(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if len(dir) > maxParent {
		return "", fmt.Errorf("%s has %d bytes", dir, len(dir))
	}
	if strings.ContainsAny(dir, "%?# ") { // the first three cannot be in an endpoint, and commands are split at a space
		return "", fmt.Errorf("%q contains one of %%, ?, # and space", dir)
	}
	probe, err := os.MkdirTemp(dir, pattern)
	if err != nil {
		return "", err
	}
	return dir, os.Remove(probe)
}
