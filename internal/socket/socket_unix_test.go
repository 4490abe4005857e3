//go:build unix

package socket_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/internal/socket"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// inUse is what a refusal says that is sure of another process.
const inUse = "want a path of its own for each driver"

// nobody is the ID of a user without rights. It needs no entry in the user database.
const nobody = 65534

// plain holds the usual permissions.
var plain = socket.Perms{Mode: 0o755, UID: socket.Keep, GID: socket.Keep}

func listen(ctx context.Context, path string) (net.Listener, error) {
	return socket.Listen(ctx, path, plain)
}

// mustListen listens, sends the text to every client, and closes the listener after the test.
func mustListen(t *testing.T, path, text string) net.Listener {
	t.Helper()
	lis, err := listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	serveText(t, lis, text)
	return lis
}

func serveText(t *testing.T, lis net.Listener, text string) {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() { answer(lis, text) })
	t.Cleanup(func() { lis.Close(); serving.Wait() })
}

// ask returns the text that the socket serves.
func ask(t *testing.T, path string) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// die leaves a dead socket at the path, as a killed process does. The socket never listens, because a starting process
// would keep it open for a moment.
func die(t *testing.T, path string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Close(fd)); err != nil {
		t.Fatal(err)
	}
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// names lists a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	first, second := spawn(t, os.Getuid()), spawn(t, os.Getuid())
	first.listen(path)
	before := stat(t, path)
	if text := second.do("listen %s 0600 -1 -1", path); !strings.Contains(text, "another process uses "+path+", which was left untouched; "+inUse) {
		t.Errorf("the second process says %q", text)
	}
	if who := ask(t, path); who != first.pid() {
		t.Errorf("%s answers; want %s", who, first.pid())
	}
	if after := stat(t, path); !os.SameFile(before, after) || before.Mode() != after.Mode() {
		t.Errorf("the socket is %v; it was %v", after, before)
	}
}

func TestKilledProcessIsReplaced(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	first, second := spawn(t, os.Getuid()), spawn(t, os.Getuid())
	first.listen(path)
	first.Kill()
	stat(t, path)
	second.listen(path)
	if who := ask(t, path); who != second.pid() {
		t.Errorf("%s answers; want %s", who, second.pid())
	}
}

// TestOneOfManyServes starts many processes at once on the socket of a killed process.
func TestOneOfManyServes(t *testing.T) {
	t.Parallel()
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	path := socketPath(t)
	die(t, path)
	many := make([]*process, 20)
	for i := range many {
		many[i] = spawn(t, os.Getuid())
	}
	for range rounds {
		winner := race(t, many, path)
		if who := ask(t, path); who != many[winner].pid() {
			t.Fatalf("%s answers; want %s", who, many[winner].pid())
		}
		many[winner].Kill()
		many[winner] = spawn(t, os.Getuid())
	}
}

// race makes all processes listen on the path, and returns the one that succeeds.
func race(t *testing.T, many []*process, path string) int {
	t.Helper()
	for _, p := range many {
		p.send("listen %s 0755 -1 -1", path)
	}
	var winners []int
	for i, p := range many {
		text := p.read()
		switch {
		case text == "":
			winners = append(winners, i)
		case !strings.Contains(text, inUse):
			t.Errorf("a process says %q", text)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d processes serve, want one", len(winners))
	}
	return winners[0]
}

func TestLeavesAloneWhatIsNoDeadSocket(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		put  func(t *testing.T, path string)
		says string
	}{
		"a regular file": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "a regular file and was left untouched"},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "a folder and was left untouched"},
		"a FIFO": {func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "a special file (p---------) and was left untouched"},
		"a link to a live socket": {func(t *testing.T, path string) {
			mustListen(t, path+".live", "live")
			symlink(t, path+".live", path)
		}, "a symbolic link and was left untouched"},
		"a link to a dead socket": {func(t *testing.T, path string) {
			die(t, path+".dead")
			symlink(t, path+".dead", path)
		}, "a symbolic link and was left untouched"},
		"a link to nothing": {func(t *testing.T, path string) { symlink(t, path+".none", path) }, "a symbolic link and was left untouched"},
		"a datagram socket": {func(t *testing.T, path string) {
			conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
		}, inUse},
		"a live socket": {func(t *testing.T, path string) {
			lis, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			serveText(t, lis, "live")
		}, inUse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := socketPath(t)
			row.put(t, path)
			checkRefused(t, path, row.says)
		})
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// checkUntouched runs a function that must change neither the file at the path nor its folder.
func checkUntouched(t *testing.T, path string, run func()) {
	t.Helper()
	before, list := stat(t, path), names(t, filepath.Dir(path))
	content, _ := os.ReadFile(regular(path))
	run()
	if after := stat(t, path); !os.SameFile(before, after) || before.Mode() != after.Mode() || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the file is %v; it was %v", after, before)
	}
	if after, _ := os.ReadFile(regular(path)); string(after) != string(content) {
		t.Errorf("the file holds %q; it held %q", after, content)
	}
	if after := names(t, filepath.Dir(path)); !slices.Equal(after, list) {
		t.Errorf("the folder holds %q; it held %q", after, list)
	}
}

// regular returns the path if it names a regular file, or "".
func regular(path string) string {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

func TestCloseRemovesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(t *testing.T, path string){
		"a successor": func(t *testing.T, path string) { mustListen(t, path, "successor") },
		"a regular file": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a link to the socket, moved": func(t *testing.T, path string) { symlink(t, path+".moved", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := socketPath(t)
			lis := mustListen(t, path, "old")
			if err := os.Rename(path, path+".moved"); err != nil {
				t.Fatal(err)
			}
			put(t, path)
			checkUntouched(t, path, func() {
				if err := lis.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestCloseRemovesItsSocket(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	lis := mustListen(t, path, "")
	for range 2 {
		if err := lis.Close(); err != nil {
			t.Error(err)
		}
	}
	if list := names(t, filepath.Dir(path)); len(list) > 0 {
		t.Errorf("the folder holds %q", list)
	}
}

func TestCloseWhenTheFolderIsGone(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	lis := mustListen(t, path, "")
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := lis.Close(); err != nil {
		t.Error(err)
	}
}

func TestNothingAppearsBesideTheSocket(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	stop, seen := make(chan struct{}), make(chan map[string]int)
	go watch(filepath.Dir(path), stop, seen)
	for range 200 {
		lis, err := listen(t.Context(), path)
		if err != nil {
			t.Error(err)
			break
		}
		if _, err := listen(t.Context(), path); err == nil {
			t.Error("got a second listener, want an error")
		}
		lis.Close()
		die(t, path)
	}
	close(stop)
	list := <-seen
	if list["cosi.sock"] == 0 || len(list) != 1 {
		t.Errorf("the folder showed %v; want the socket alone", list)
	}
}

// watch counts the entries that it sees in a folder until it is stopped.
func watch(folder string, stop <-chan struct{}, seen chan<- map[string]int) {
	list := map[string]int{}
	for {
		select {
		case <-stop:
			seen <- list
			return
		default:
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			list[err.Error()]++
		}
		for _, e := range entries {
			list[e.Name()]++
		}
	}
}

func TestModeIsExact(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"0", "022", "077", "0777"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			path := socketPath(t)
			p := spawn(t, os.Getuid())
			p.must("umask %s", umask)
			for _, mode := range []fs.FileMode{0o600, 0o640, 0o660, 0o755, 0o777} {
				p.must("listen %s %o -1 -1", path, mode)
				if got := stat(t, path).Mode(); got != fs.ModeSocket|mode {
					t.Errorf("mode %v; want %v", got, fs.ModeSocket|mode)
				}
				p.must("close")
			}
		})
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, row := range map[string]struct{ uid, gid, wantUID, wantGID int }{
		"neither":    {-1, -1, os.Getuid(), os.Getgid()},
		"user alone": {54321, -1, 54321, os.Getgid()},
		"group":      {-1, 54322, os.Getuid(), 54322},
		"both":       {54321, 54322, 54321, 54322},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := socketPath(t)
			perms := socket.Perms{Mode: 0o660, UID: row.uid, GID: row.gid}
			lis, err := socket.Listen(t.Context(), path, perms)
			if err != nil {
				t.Fatal(err)
			}
			defer lis.Close()
			info := stat(t, path)
			owner := info.Sys().(*syscall.Stat_t)
			if int(owner.Uid) != row.wantUID || int(owner.Gid) != row.wantGID {
				t.Errorf("owner %d:%d; want %d:%d", owner.Uid, owner.Gid, row.wantUID, row.wantGID)
			}
			if info.Mode() != fs.ModeSocket|0o660 {
				t.Errorf("mode %v", info.Mode())
			}
		})
	}
}

// TestOwnerTakesACapability changes the owner as a user without capabilities.
func TestOwnerTakesACapability(t *testing.T) {
	t.Parallel()
	for name, owner := range map[string]string{"user": "54321 -1", "group": "-1 54322", "both": "54321 54322"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uid := os.Getuid()
			if uid == 0 {
				uid = nobody
			}
			folder := shortDir(t, uid)
			p := spawn(t, uid)
			before := p.do("sockets")
			text := p.do("listen %s 0660 %s", filepath.Join(folder, "cosi.sock"), owner)
			if !strings.Contains(text, "CAP_CHOWN") || !strings.Contains(text, "cosi.sock") {
				t.Errorf("the process says %q; want an error with CAP_CHOWN and the path", text)
			}
			if now := p.do("sockets"); now != before {
				t.Errorf("the process has %s sockets open; it had %s", now, before)
			}
			if list := names(t, folder); len(list) > 0 {
				t.Errorf("the folder holds %q", list)
			}
		})
	}
}

// TestNobodyEntersForAMoment starts often with the widest umask, while another user knocks all the time.
func TestNobodyEntersForAMoment(t *testing.T) {
	t.Parallel()
	needRoot(t)
	path := socketPath(t)
	owner, stranger := spawn(t, 0), spawn(t, nobody)
	owner.must("umask 0")
	stranger.do("knock %s", path)
	for range 200 {
		before := stranger.do("denied")
		owner.must("listen %s 0600 -1 -1", path)
		harness.Eventually(t, func() bool { return stranger.do("denied") != before }, "the stranger does not knock")
		owner.must("close")
	}
	if n := stranger.do("entered"); n != "0" {
		t.Errorf("the stranger got in %s times; want none", n)
	}
}

func TestMissingFoldersAreClosedToOthers(t *testing.T) {
	t.Parallel()
	top := shortDir(t, os.Getuid())
	p := spawn(t, os.Getuid())
	p.must("umask 0")
	p.listen(filepath.Join(top, "a", "b", "cosi.sock"))
	for _, folder := range []string{"a", "a/b"} {
		if mode := stat(t, filepath.Join(top, folder)).Mode(); mode != fs.ModeDir|0o755 {
			t.Errorf("%s has mode %v; want %v", folder, mode, fs.ModeDir|0o755)
		}
	}
}

func TestWaitsForTheFoldersLock(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	other := spawn(t, os.Getuid())
	other.must("lock %s", filepath.Dir(path))
	done := make(chan error, 1)
	go func() {
		lis, err := listen(t.Context(), path)
		if err == nil {
			err = lis.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("Listen returns %v before the lock is free; want it to wait", err)
	case <-time.After(50 * time.Millisecond): // several times the duration of a start
	}
	if list := names(t, filepath.Dir(path)); len(list) > 0 {
		t.Errorf("the folder holds %q before the lock was free", list)
	}
	other.must("unlock")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWaitForTheFoldersLockHeedsItsContext(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	other := spawn(t, os.Getuid())
	other.must("lock %s", filepath.Dir(path))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := listen(ctx, path)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "lock of the folder "+filepath.Dir(path)) {
		t.Errorf("Listen returns %v; want the deadline and the folder of the lock", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s; want at most 5 s", took)
	}
}

// checkRefused checks that Listen refuses what is at the path, leaves it as it is, and says why.
func checkRefused(t *testing.T, path, reason string) {
	t.Helper()
	checkUntouched(t, path, func() {
		lis, err := listen(t.Context(), path)
		if err == nil {
			lis.Close()
		}
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), "left untouched") {
			t.Errorf("Listen: %v; want an error with %q", err, reason)
		}
	})
}
