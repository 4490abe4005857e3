//go:build unix

package socket_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/socket"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

// childVariable names the variable that makes a process obey commands from a test.
const childVariable = "GOCOSI_ENDPOINT_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		new(child).run()
		return
	}
	leaktest.Main(m)
}

// child runs in a process that obeys a test.
type child struct {
	lis     net.Listener
	folder  *os.File // folder whose lock the child holds
	denied  atomic.Int64
	entered atomic.Int64
	swapped atomic.Int64
}

// run obeys one command per line, and answers each with one line, until its input ends.
func (c *child) run() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(strings.ReplaceAll(c.obey(strings.Fields(in.Text())), "\n", "; "))
	}
}

func (c *child) obey(words []string) string {
	switch words[0] {
	case "umask":
		syscall.Umask(octal(words[1]))
	case "listen": // path, mode, user, group
		return said(c.listen(words[1], octal(words[2]), decimal(words[3]), decimal(words[4])))
	case "close":
		return said(c.lis.Close())
	case "lock": // folder
		return said(c.lock(words[1]))
	case "unlock":
		return said(c.folder.Close())
	case "knock": // path
		go c.knock(words[1])
	case "denied":
		return strconv.FormatInt(c.denied.Load(), 10)
	case "entered":
		return strconv.FormatInt(c.entered.Load(), 10)
	case "chroot": // folder
		return said(errors.Join(syscall.Chroot(words[1]), os.Chdir("/")))
	case "mount": // folder
		return said(exec.Command("mount", "-t", "tmpfs", "tmpfs", words[1]).Run())
	case "look": // folder
		entries, err := os.ReadDir(words[1])
		return fmt.Sprint(entries, said(err))
	case "serve": // path
		return said(c.serve(words[1]))
	case "abandon": // what serve made
		c.lis.(*net.UnixListener).SetUnlinkOnClose(false)
		return said(c.lis.Close())
	case "swap": // path, file
		go c.swap(words[1], words[2])
	case "swapped":
		return strconv.FormatInt(c.swapped.Load(), 10)
	case "sockets":
		return strconv.Itoa(openSockets())
	}
	return ""
}

// listen sends the number of the process to every client.
func (c *child) listen(path string, mode, uid, gid int) (err error) {
	perms := socket.Perms{Mode: os.FileMode(mode), UID: uid, GID: gid}
	c.lis, err = socket.Listen(context.Background(), path, perms)
	if err == nil {
		go answer(c.lis, strconv.Itoa(os.Getpid()))
	}
	return err
}

func (c *child) lock(folder string) (err error) {
	if c.folder, err = os.Open(folder); err != nil {
		return err
	}
	return syscall.Flock(int(c.folder.Fd()), syscall.LOCK_EX)
}

// knock tries to connect without a pause, and counts how often the system denied permission and how often it did not.
func (c *child) knock(path string) {
	for {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			panic(err)
		}
		switch err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); {
		case errors.Is(err, syscall.EACCES):
			c.denied.Add(1)
		case !errors.Is(err, syscall.ENOENT): // a refused connection comes after permission
			c.entered.Add(1)
		}
		syscall.Close(fd)
	}
}

// serve listens without the package under test.
func (c *child) serve(path string) (err error) {
	c.lis, err = net.Listen("unix", path)
	return err
}

// swap puts other things in the place of every socket of another user that appears at the path: a link to the file, the
// process's own live socket, and a FIFO. It takes them away again.
func (c *child) swap(path, file string) {
	others := []func(at string) error{
		func(at string) error { return os.Symlink(file, at) },
		func(at string) error { return os.Link(path+".live", at) },
		func(at string) error { return syscall.Mkfifo(at, 0o700) },
	}
	for n := 0; ; {
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Type() != os.ModeSocket || int(info.Sys().(*syscall.Stat_t).Uid) == os.Getuid() {
			continue
		}
		other := path + ".other"
		if err := others[n%len(others)](other); err != nil {
			panic(err)
		}
		if os.Rename(other, path) == nil {
			n++
			c.swapped.Add(1)
			for range 100 { // a start is at work
				_, _ = os.Lstat(path)
			}
		}
		os.Remove(path)
	}
}

// openSockets counts the open sockets of the process on systems with /proc.
func openSockets() (n int) {
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		if target, _ := os.Readlink(link); strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// answer writes the text to every connection until the listener is closed.
func answer(lis net.Listener, text string) {
	for {
		conn, err := lis.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		conn.Close()
	}
}

func said(err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return ""
}

func octal(text string) int { return number(text, 8) }

func decimal(text string) int { return number(text, 10) }

func number(text string, base int) int {
	n, err := strconv.ParseInt(text, base, 32)
	if err != nil {
		panic(err)
	}
	return int(n)
}

// process controls a child from the test.
type process struct {
	*harness.Child

	t *testing.T
}

// spawn starts a child as the given user and ends it after the test.
func spawn(t *testing.T, uid int) *process {
	t.Helper()
	attr := &syscall.SysProcAttr{}
	if uid != os.Getuid() {
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	return spawnWith(t, attr)
}

func spawnWith(t *testing.T, attr *syscall.SysProcAttr) *process {
	t.Helper()
	cmd := exec.Command(executable(t))
	cmd.SysProcAttr = attr
	return &process{harness.StartChild(t, cmd, childVariable+"=1"), t}
}

// executable returns a path of the test binary, if possible one that other users can reach.
func executable(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// send gives a command, and read waits for its answer.
func (p *process) send(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.In, format+"\n", args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) read() string {
	p.t.Helper()
	return p.Line(p.t)
}

func (p *process) do(format string, args ...any) string {
	p.t.Helper()
	p.send(format, args...)
	return p.read()
}

// must gives a command that has to succeed.
func (p *process) must(format string, args ...any) {
	p.t.Helper()
	if text := p.do(format, args...); text != "" {
		p.t.Fatalf(format+": %s", append(args, text)...)
	}
}

// listen makes the process listen with the usual mode.
func (p *process) listen(path string) { p.must("listen %s 0755 -1 -1", path) }

func (p *process) pid() string { return strconv.Itoa(p.Cmd.Process.Pid) }

// shortDir creates a folder of uid with a path that leaves room for a socket's name, and removes it after the test.
// Every user may enter the folder.
func shortDir(t *testing.T, uid int) string {
	t.Helper()
	dir, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if runtime.GOOS != "linux" {
		return dir // a socket needs a closed folder there
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Lchown(dir, uid, -1)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// socketPath returns a path in a new folder.
func socketPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(shortDir(t, os.Getuid()), "cosi.sock")
}

// needRoot skips a test that needs other users' processes or files when the user is not root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user, or give it a file")
	}
}
