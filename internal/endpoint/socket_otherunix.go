//go:build unix && !linux

package endpoint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// narrow stands in for a call that only Linux has. Elsewhere a socket is born with whatever the umask leaves, so it is
// made only in a folder that nobody but its owner can enter.
func narrow(_ syscall.RawConn, path string, _ fs.FileMode) error {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("on %s a socket cannot be made without a moment of wider permissions: "+
			"use a folder with mode 0700, %s has %04o", runtime.GOOS, folder, info.Mode().Perm())
	}
	return nil
}
