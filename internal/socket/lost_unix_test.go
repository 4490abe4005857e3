//go:build unix

package socket_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/socket"
)

func lost(t *testing.T, lis net.Listener) error {
	t.Helper()
	l, ok := lis.(interface{ Lost() error })
	if !ok {
		t.Fatalf("the listener is a %T, want one with a method Lost", lis)
	}
	return l.Lost()
}

func TestLost(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		harm func(t *testing.T, path string) error
		says string
	}{
		"nothing":        {func(*testing.T, string) error { return nil }, ""},
		"another mode":   {func(_ *testing.T, path string) error { return os.Chmod(path, 0o700) }, ""},
		"another name":   {func(_ *testing.T, path string) error { return os.Link(path, path+".too") }, ""},
		"removed":        {func(_ *testing.T, path string) error { return os.Remove(path) }, "was removed"},
		"renamed":        {func(_ *testing.T, path string) error { return os.Rename(path, path+".moved") }, "was removed"},
		"folder removed": {func(_ *testing.T, path string) error { return os.RemoveAll(filepath.Dir(path)) }, "was removed"},
		"folder is a file": {func(_ *testing.T, path string) error {
			if err := os.RemoveAll(filepath.Dir(path)); err != nil {
				return err
			}
			return os.WriteFile(filepath.Dir(path), nil, 0o600)
		}, "leads nowhere"},
		"a regular file": {func(_ *testing.T, path string) error {
			if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, "was replaced by a regular file"},
		"a link to it": {func(_ *testing.T, path string) error {
			if err := os.Rename(path, path+".moved"); err != nil {
				return err
			}
			return os.Symlink(path+".moved", path)
		}, "was replaced by a symbolic link"},
		"another socket": {func(t *testing.T, path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			mustListen(t, path, "")
			return nil
		}, "was replaced by another socket"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := socketPath(t)
			lis := mustListen(t, path, "")
			if err := row.harm(t, path); err != nil {
				t.Fatal(err)
			}
			err := lost(t, lis)
			switch {
			case row.says == "" && err != nil:
				t.Errorf("Lost = %v, want nil", err)
			case row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), path)):
				t.Errorf("Lost = %v, want an error with %q and the path", err, row.says)
			case row.says != "" && !strings.HasSuffix(err.Error(), ": clients cannot reach the driver; want a restart"):
				t.Errorf("Lost = %v, want what is to be done", err)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the folders above the temporary folder are another matter on other systems")
	}
	for name, row := range map[string]struct {
		mode, parent os.FileMode
		uid          int
		says         []string
	}{
		"closed":                  {0o700, 0o700, os.Getuid(), nil},
		"readable":                {0o755, 0o755, os.Getuid(), nil},
		"open to all":             {0o777, 0o755, os.Getuid(), []string{"every user may write to $/p/run, and replace"}},
		"open to its group":       {0o775, 0o755, os.Getuid(), []string{fmt.Sprintf("group %d may write to $/p/run, and replace", os.Getgid())}},
		"sticky":                  {os.ModeSticky | 0o777, 0o755, os.Getuid(), []string{"every user may write to $/p/run, and take the socket's path"}},
		"parent open to all":      {0o755, 0o777, os.Getuid(), []string{"every user may write to $/p, and replace"}},
		"parent sticky":           {0o755, os.ModeSticky | 0o777, os.Getuid(), nil},
		"both":                    {0o777, 0o777, os.Getuid(), []string{"$/p/run,", "$/p,"}},
		"of another user":         {0o755, 0o755, nobody, []string{"user 65534 may write to $/p/run, and replace"}},
		"sticky, of another user": {os.ModeSticky | 0o777, 0o755, nobody, []string{"user 65534 may write to $/p/run, and replace"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := shortDir(t, os.Getuid())
			parent, folder := filepath.Join(top, "p"), filepath.Join(top, "p", "run")
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if row.uid != os.Getuid() {
				needRoot(t)
				if err := os.Lchown(folder, row.uid, -1); err != nil {
					t.Fatal(err)
				}
			}
			for at, mode := range map[string]os.FileMode{folder: row.mode, parent: row.parent} {
				if err := os.Chmod(at, mode); err != nil {
					t.Fatal(err)
				}
			}
			symlink(t, folder, filepath.Join(top, "link"))
			for _, path := range []string{filepath.Join(folder, "cosi.sock"), filepath.Join(top, "link", "cosi.sock")} {
				checkWarnings(t, path, top, row.says)
			}
		})
	}
}

// checkWarnings leaves the folder's name out of the comparison where a link to it is named instead.
func checkWarnings(t *testing.T, path, top string, want []string) {
	t.Helper()
	got := socket.Warnings(path)
	if len(got) != len(want) {
		t.Fatalf("Warnings(%s) = %q, want %q", path, got, want)
	}
	for i, words := range want {
		words = strings.ReplaceAll(words, "$", top)
		if link := filepath.Join(top, "link"); strings.HasPrefix(path, link) {
			words = strings.ReplaceAll(words, filepath.Join(top, "p", "run"), link)
		}
		if !strings.Contains(got[i], words) {
			t.Errorf("Warnings(%s) = %q, want %q", path, got[i], words)
		}
	}
}

func TestWarningsOfAnAbstractSocket(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "@cosi"} {
		if got := socket.Warnings(path); got != nil {
			t.Errorf("Warnings(%q) = %q, want none", path, got)
		}
	}
}
