//go:build unix

package sockdir_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/sockdir"
)

// folder creates a folder with a path of n bytes.
func folder(t *testing.T, n int) string {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	dir := base + "/" + strings.Repeat("x", n-len(base)-1)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// makeFolder creates a folder, and a socket with the longest name that the folder promises room for.
func makeFolder(t *testing.T) string {
	t.Helper()
	dir, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	lis, err := net.Listen("unix", dir+"/"+strings.Repeat("s", sockdir.Room-1))
	if err != nil {
		t.Fatal(err)
	}
	lis.Close()
	return dir
}

func TestMakeLeavesRoom(t *testing.T) {
	for _, n := range []int{30, sockdir.MaxParent, sockdir.MaxParent + 1, 100, 200} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			temporary := folder(t, n)
			t.Setenv("TMPDIR", temporary)
			got := filepath.Dir(makeFolder(t))
			if fits := n <= sockdir.MaxParent; fits != (got == temporary) {
				t.Errorf("made a folder in %s, TMPDIR has %d bytes of %d", got, n, sockdir.MaxParent)
			}
		})
	}
}

func TestMakeInOddFolders(t *testing.T) {
	for name, elsewhere := range map[string]bool{"a b": true, "a:b": false, "a%b": true, "a?b": true, "a#b": true} {
		t.Run(name, func(t *testing.T) {
			temporary := filepath.Join(folder(t, 30), name)
			if err := os.Mkdir(temporary, 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("TMPDIR", temporary)
			if got := filepath.Dir(makeFolder(t)); (got != temporary) != elsewhere {
				t.Errorf("made a folder in %s", got)
			}
		})
	}
}

func TestMakeInARelativeFolder(t *testing.T) {
	dir := folder(t, 30)
	t.Chdir(dir)
	t.Setenv("TMPDIR", ".")
	if got := filepath.Dir(makeFolder(t)); got != dir {
		t.Errorf("made a folder in %s, want %s", got, dir)
	}
}

func TestErrorSaysWhatWasTried(t *testing.T) {
	t.Parallel()
	long, missing := folder(t, 200), filepath.Join(folder(t, 30), "missing")
	_, err := sockdir.FirstUsable([]string{long, missing, "/proc"})
	for _, want := range []string{long + " has 200 bytes", missing, "/proc", "want a TMPDIR", strconv.Itoa(sockdir.MaxParent) + " bytes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
