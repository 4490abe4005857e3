//go:build unix && !linux

package socket

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// narrow refuses a folder that others can enter: without Linux's call a socket is born with whatever the umask leaves.
func narrow(_ syscall.RawConn, path string, _ fs.FileMode) error {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("on %s a socket has wider permissions for a moment, and the folder %s has mode %04o; want 0700",
			runtime.GOOS, folder, info.Mode().Perm())
	}
	return nil
}
