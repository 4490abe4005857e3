//go:build unix

package socket_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/socket"
)

// closedDir returns a folder in which the user may not write.
func closedDir(t *testing.T) (folder string, user int) {
	t.Helper()
	if os.Getuid() == 0 {
		return shortDir(t, 0), nobody
	}
	folder = shortDir(t, os.Getuid())
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	return folder, os.Getuid()
}

// TestFoldersThatCannotBeMade checks that an error names the folder at which the making ended.
func TestFoldersThatCannotBeMade(t *testing.T) {
	t.Parallel()
	closed, user := closedDir(t)
	open := shortDir(t, user)
	if err := os.WriteFile(filepath.Join(open, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := spawn(t, user)
	symlink(t, filepath.Join(closed, "none"), filepath.Join(open, "link"))
	for path, want := range map[string]string{
		closed + "/a/cosi.sock":      "mkdir " + closed + "/a: permission denied",
		closed + "/a/b/c/cosi.sock":  "mkdir " + closed + "/a: permission denied",
		open + "/file/a/cosi.sock":   "stat " + open + "/file/a: not a directory",
		open + "/link/cosi.sock":     "stat " + open + "/link: no such file or directory",
		open + "/link/a/b/cosi.sock": "stat " + open + "/link: no such file or directory",
	} {
		if text := p.do("listen %s 0755 -1 -1", path); !strings.Contains(text, want) {
			t.Errorf("%s: the process says %q, want %q", path, text, want)
		}
	}
	if list := names(t, closed); len(list) > 0 {
		t.Errorf("the closed folder holds %q, want nothing", list)
	}
}

// TestFolderInAnOpenOne makes a folder where others write: the mode is right at once, so nothing is to be given back.
func TestFolderInAnOpenOne(t *testing.T) {
	t.Parallel()
	top := shortDir(t, os.Getuid())
	if err := os.Chmod(top, 0o777); err != nil {
		t.Fatal(err)
	}
	p := spawn(t, os.Getuid())
	p.must("umask 022")
	p.listen(filepath.Join(top, "new", "cosi.sock"))
	if mode := stat(t, filepath.Join(top, "new")).Mode(); mode != fs.ModeDir|0o755 {
		t.Errorf("the folder has mode %v, want %v", mode, fs.ModeDir|0o755)
	}
}

// TestPathThatIsTooLong is refused by the system, not by a missing folder or permission.
func TestPathThatIsTooLong(t *testing.T) {
	t.Parallel()
	folder := shortDir(t, os.Getuid())
	if lis, err := listen(t.Context(), filepath.Join(folder, strings.Repeat("x", 120))); err == nil || lis != nil {
		t.Errorf("Listen returns %v, %v; want an error alone", lis, err)
	}
	if list := names(t, folder); len(list) > 0 {
		t.Errorf("the folder holds %q, want nothing", list)
	}
}

// TestWarningsOfAMissingFolder looks at the folders that there are.
func TestWarningsOfAMissingFolder(t *testing.T) {
	t.Parallel()
	top := shortDir(t, os.Getuid())
	before := socket.Warnings(filepath.Join(top, "cosi.sock"))
	if got := socket.Warnings(filepath.Join(top, "none", "such", "cosi.sock")); strings.Join(got, "\n") != strings.Join(before, "\n") {
		t.Errorf("got %q, want what is said of the folder above: %q", got, before)
	}
}
