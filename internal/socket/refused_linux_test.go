package socket_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/socket"
)

// TestSaysWhichPermissionIsMissing listens as a user without capabilities who lacks one permission.
func TestSaysWhichPermissionIsMissing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		others, own os.FileMode // of the folder: when it is root's, and when it is the user's own
		says        string
	}{
		"to write to the folder": {0o755, 0o500, "permission denied; want a folder that user %d may write to"},
		"to read the folder":     {0o733, 0o300, "permission denied; want a folder that user %d may read, to lock it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, user := closedDir(t)
			mode := row.others
			if user == os.Getuid() {
				mode = row.own
			}
			if err := os.Chmod(folder, mode); err != nil {
				t.Fatal(err)
			}
			p := spawn(t, user)
			text := p.do("listen %s 0755 -1 -1", filepath.Join(folder, "cosi.sock"))
			if want := strings.ReplaceAll(row.says, "%d", fmt.Sprint(user)); !strings.Contains(text, want) {
				t.Errorf("the process says %q, want %q", text, want)
			}
		})
	}
}

// TestModeThatPreventsARestart asks for a mode with which the user itself could not connect.
func TestModeThatPreventsARestart(t *testing.T) {
	t.Parallel()
	_, user := closedDir(t)
	folder := shortDir(t, user)
	p := spawn(t, user)
	before := p.do("sockets")
	text := p.do("listen %s 0444 -1 -1", filepath.Join(folder, "cosi.sock"))
	if want := "with these permissions a start after a crash could not tell that " + folder + "/cosi.sock is dead (permission denied)"; !strings.Contains(text, want) {
		t.Errorf("the process says %q, want %q", text, want)
	}
	if now := p.do("sockets"); now != before {
		t.Errorf("the process has %s sockets open; it had %s", now, before)
	}
	if list := names(t, folder); len(list) > 0 {
		t.Errorf("the folder holds %q, want nothing", list)
	}
}

func TestPermsOfNothing(t *testing.T) {
	t.Parallel()
	if got, err := socket.PermsAt(socketPath(t)); !errors.Is(err, fs.ErrNotExist) || got != (socket.Perms{}) {
		t.Errorf("PermsAt = %+v, %v; want no permissions and an error", got, err)
	}
}
