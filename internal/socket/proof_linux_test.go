package socket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
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
)

// TestStrangerSwapsTheSocket starts often as root in a folder of another user, who puts something else in the place of
// every socket that appears.
func TestStrangerSwapsTheSocket(t *testing.T) {
	t.Parallel()
	needRoot(t)
	folder := shortDir(t, nobody)
	path, file := filepath.Join(folder, "cosi.sock"), filepath.Join(shortDir(t, 0), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stranger := spawn(t, nobody)
	stranger.must("umask 077")
	stranger.must("serve %s.live", path)
	live := stat(t, path+".live").Mode()
	stranger.do("swap %s %s", path, file)
	started := 0
	for n := 0; n < 200 || stranger.do("swapped") == "0"; n++ {
		lis, err := listen(t.Context(), path)
		if err != nil {
			checkTellsOfStrangers(t, err)
			continue
		}
		started++
		lis.Close()
	}
	t.Logf("%d starts succeeded, %s sockets were swapped", started, stranger.do("swapped"))
	if got := stat(t, file).Mode(); got != 0o600 {
		t.Errorf("the file behind the link has mode %v; want it untouched", got)
	}
	if got := stat(t, path+".live").Mode(); got != live {
		t.Errorf("the stranger's socket has mode %v; want %v", got, live)
	}
}

// checkTellsOfStrangers checks that a refusal says what was in the way, unless that came or went amid a step of the system.
func checkTellsOfStrangers(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EADDRINUSE) {
		return
	}
	told := []string{"was replaced", "is a symbolic link", "is a special file", "another process uses", "cannot connect to the new socket"}
	if !slices.ContainsFunc(told, func(words string) bool { return strings.Contains(err.Error(), words) }) {
		t.Errorf("Listen returns %v; want what the stranger did", err)
	}
}

// TestFileRenamedOntoThePathStays renames a regular file onto the path at any moment of a start over a dead socket and of
// the end after it.
func TestFileRenamedOntoThePathStays(t *testing.T) {
	t.Parallel()
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	// The folder's parent is the test's own, not a temporary folder of all users: see inode.remove.
	path := filepath.Join(shortDir(t, os.Getuid()), "run", "cosi.sock")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	took := time.Millisecond
	for round := range rounds {
		die(t, path)
		file := path + ".file"
		if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		var racing sync.WaitGroup
		wait := time.Duration(rand.Int64N(int64(took)))
		racing.Go(func() { renameAfter(t, wait, file, path) })
		begin := time.Now()
		lis, err := listen(t.Context(), path)
		if err == nil {
			err = lis.Close()
		}
		took = (9*took + time.Since(begin)) / 10
		racing.Wait()
		if content, _ := os.ReadFile(path); string(content) != "precious" {
			t.Fatalf("the file is gone after %d rounds; Listen and Close returned %v", round, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if list := names(t, filepath.Dir(filepath.Dir(path))); len(list) != 1 {
		t.Errorf("the parent folder holds %q, want the socket's folder alone", list)
	}
}

// renameAfter renames a file after a time that is too short for a timer.
func renameAfter(t *testing.T, wait time.Duration, from, to string) {
	for begin := time.Now(); time.Since(begin) < wait; {
		continue
	}
	if err := os.Rename(from, to); err != nil {
		t.Error(err)
	}
}

func unixSocket(t *testing.T, kind int) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	return fd
}

// bound returns a socket of the kind that is bound to the path.
func bound(t *testing.T, kind int, path string) int {
	t.Helper()
	fd := unixSocket(t, kind)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// TestLeavesAloneWhatIsOpen tries to listen where a process has a socket open in every other way than to accept.
func TestLeavesAloneWhatIsOpen(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		put  func(t *testing.T, path string)
		says string
	}{
		"bound, not listening": {func(t *testing.T, path string) { bound(t, syscall.SOCK_STREAM, path) }, inUse},
		"of packets":           {func(t *testing.T, path string) { bound(t, syscall.SOCK_SEQPACKET, path) }, inUse},
		"of packets, listening": {func(t *testing.T, path string) {
			if err := syscall.Listen(bound(t, syscall.SOCK_SEQPACKET, path), 1); err != nil {
				t.Fatal(err)
			}
		}, inUse},
		"of datagrams": {func(t *testing.T, path string) { bound(t, syscall.SOCK_DGRAM, path) }, inUse},
		"of datagrams, for one peer": {func(t *testing.T, path string) {
			bound(t, syscall.SOCK_DGRAM, path+".peer")
			if err := syscall.Connect(bound(t, syscall.SOCK_DGRAM, path), &syscall.SockaddrUnix{Name: path + ".peer"}); err != nil {
				t.Fatal(err)
			}
		}, "cannot tell whether another process uses"},
		"too busy to accept": {func(t *testing.T, path string) {
			if err := syscall.Listen(bound(t, syscall.SOCK_STREAM, path), 0); err != nil {
				t.Fatal(err)
			}
			for full := false; !full; {
				err := syscall.Connect(unixSocket(t, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK), &syscall.SockaddrUnix{Name: path})
				full = errors.Is(err, syscall.EAGAIN)
			}
		}, inUse},
		"by another name": {func(t *testing.T, path string) {
			mustListen(t, path+".own", "")
			if err := os.Link(path+".own", path); err != nil {
				t.Fatal(err)
			}
		}, inUse},
		"moved here": {func(t *testing.T, path string) {
			mustListen(t, path+".own", "")
			if err := os.Rename(path+".own", path); err != nil {
				t.Fatal(err)
			}
		}, inUse},
		"in another network": {func(t *testing.T, path string) {
			needRoot(t)
			other := spawnWith(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET})
			other.must("serve %s", path)
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

// TestEarlyClientsAreServed connects as soon as a socket appears.
func TestEarlyClientsAreServed(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	for range 200 {
		answered := make(chan string, 1)
		go func() { answered <- firstAnswer(path) }()
		lis, err := listen(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		serveText(t, lis, "hello")
		if text := <-answered; text != "hello" {
			t.Fatalf("the first client got %q, want the server's text", text)
		}
		lis.Close()
	}
}

// firstAnswer connects again and again, until that succeeds.
func firstAnswer(path string) string {
	for {
		conn, err := net.Dial("unix", path)
		if err != nil {
			continue
		}
		defer conn.Close()
		text, err := io.ReadAll(conn)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
}

func TestWithoutProc(t *testing.T) {
	t.Parallel()
	needRoot(t)
	folder := shortDir(t, 0)
	p := spawn(t, 0)
	p.must("chroot %s", folder)
	if text := p.do("listen /cosi.sock 0755 -1 -1"); !strings.Contains(text, "want the proc filesystem at /proc") {
		t.Errorf("the process says %q; want an error about /proc", text)
	}
}

// TestFolderOfItsOwnMount starts and ends where the folder has no parent to which a socket could be moved, as in a pod.
func TestFolderOfItsOwnMount(t *testing.T) {
	t.Parallel()
	needRoot(t)
	folder := shortDir(t, 0)
	path := filepath.Join(folder, "cosi.sock")
	p := spawnWith(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	p.must("mount %s", folder)
	p.must("serve %s", path)
	p.must("abandon")
	p.listen(path)
	p.must("close")
	if list := p.do("look %s", folder); list != "[]" {
		t.Errorf("the folder holds %s", list)
	}
}

// TestUmaskThatLeavesNothing starts where nobody, not even the owner, would have permissions.
func TestUmaskThatLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, uid := range map[string]int{"own user": os.Getuid(), "without capabilities": nobody} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if uid != os.Getuid() {
				needRoot(t)
			}
			top := shortDir(t, uid)
			p := spawn(t, uid)
			p.must("umask 0777")
			path := filepath.Join(top, "a", "b", "cosi.sock")
			p.listen(path)
			for _, folder := range []string{"a", "a/b"} {
				if mode := stat(t, filepath.Join(top, folder)).Mode(); mode != fs.ModeDir|0o755 {
					t.Errorf("%s has mode %v; want %v", folder, mode, fs.ModeDir|0o755)
				}
			}
			if mode := stat(t, path).Mode(); mode != fs.ModeSocket|0o755 {
				t.Errorf("the socket has mode %v", mode)
			}
			p.must("close")
		})
	}
}

// TestUmaskInAnOpenFolder checks that a socket which the process cannot prove to be its own is not opened to others.
func TestUmaskInAnOpenFolder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	folder := shortDir(t, nobody)
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	p := spawn(t, nobody)
	p.must("umask 0777")
	for path, want := range map[string]string{
		filepath.Join(folder, "cosi.sock"):      "want an umask such as 022",
		filepath.Join(folder, "new", "cosi.so"): "want an umask such as 022",
	} {
		if text := p.do("listen %s 0755 -1 -1", path); !strings.Contains(text, want) {
			t.Errorf("the process says %q; want %q", text, want)
		}
	}
}

// TestNamesTheHolderOfTheLock has two processes that hold the locks of two folders.
func TestNamesTheHolderOfTheLock(t *testing.T) {
	t.Parallel()
	holders := map[string]*process{}
	for range 2 {
		path, other := socketPath(t), spawn(t, os.Getuid())
		other.must("lock %s", filepath.Dir(path))
		holders[path] = other
	}
	for path, other := range holders {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := listen(ctx, path)
		cancel()
		if want := fmt.Sprintf("another process (%s, ", other.pid()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen returns %v; want an error with %q", err, want)
		}
	}
}

func TestCloseDoesNotWaitForLong(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	lis := mustListen(t, path, "")
	other := spawn(t, os.Getuid())
	other.must("lock %s", filepath.Dir(path))
	begin := time.Now()
	if err := lis.Close(); err == nil || !strings.Contains(err.Error(), "("+other.pid()+", ") {
		t.Errorf("Close returns %v; want an error that names the holder of the lock", err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("Close took %s; want little more than one second", took)
	}
}

// TestPermsOfASetgidFolder reads the group that a folder gave.
func TestPermsOfASetgidFolder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	folder := shortDir(t, 0)
	if err := errors.Join(os.Lchown(folder, 0, 54322), os.Chmod(folder, fs.ModeSetgid|0o755)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "cosi.sock")
	mustListen(t, path, "")
	if got, err := socket.PermsAt(path); err != nil || got != (socket.Perms{Mode: 0o755, UID: 0, GID: 54322}) {
		t.Errorf("PermsAt = %+v, %v; want the folder's group", got, err)
	}
}

// TestGiftInAStickyFolder gives a socket away that could not be taken back.
func TestGiftInAStickyFolder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	folder := shortDir(t, nobody)
	if err := os.Chmod(folder, fs.ModeSticky|0o777); err != nil {
		t.Fatal(err)
	}
	// A user with CAP_CHOWN and CAP_DAC_OVERRIDE.
	p := spawnWith(t, &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65532, Gid: 65532},
		AmbientCaps: []uintptr{0, 1},
	})
	path := filepath.Join(folder, "cosi.sock")
	if text := p.do("listen %s 0755 54321 -1", path); !strings.Contains(text, "CAP_FOWNER") {
		t.Errorf("the process says %q; want an error with CAP_FOWNER", text)
	}
	if list := names(t, folder); len(list) > 0 {
		t.Errorf("the folder holds %q", list)
	}
}

// TestGiftOfAnOwnerOfEverything gives a socket away, and takes it back, with no other of root's capabilities than it takes.
func TestGiftOfAnOwnerOfEverything(t *testing.T) {
	t.Parallel()
	needRoot(t)
	folder := shortDir(t, nobody)
	if err := os.Chmod(folder, fs.ModeSticky|0o777); err != nil {
		t.Fatal(err)
	}
	p := spawnWith(t, &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65532, Gid: 65532},
		AmbientCaps: []uintptr{0, 1, 3}, // CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER
	})
	p.must("listen %s 0755 54321 -1", filepath.Join(folder, "cosi.sock"))
	p.must("close")
	if list := names(t, folder); len(list) > 0 {
		t.Errorf("the folder holds %q", list)
	}
}

func TestDotsBehindALink(t *testing.T) {
	t.Parallel()
	top := shortDir(t, os.Getuid())
	if err := os.MkdirAll(filepath.Join(top, "far", "away"), 0o755); err != nil {
		t.Fatal(err)
	}
	symlink(t, filepath.Join(top, "far", "away"), filepath.Join(top, "link"))
	path := top + "/link/../cosi.sock"
	mustListen(t, path, "hello")
	if text := ask(t, path); text != "hello" {
		t.Errorf("a client reads %q", text)
	}
	stat(t, filepath.Join(top, "far", "cosi.sock"))
}
