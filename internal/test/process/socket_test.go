//go:build unix

package process_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// childVariable names the variable that makes a process run a driver.
const childVariable = "GOCOSI_TEST_CHILD"

// TestChild runs a driver, configured by the process's environment, until its input ends.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("runs only in a process that another test starts")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	driver, err := gocosi.New(gocosi.NewIdentity("pid-"+strconv.Itoa(os.Getpid())+".example.com"), &harness.Handlers{})
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	go func() {
		if addr, err := driver.Addr(ctx); err == nil {
			fmt.Println("listening:", addr)
		}
	}()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop() }()
	fmt.Println("ended:", driver.Run(ctx))
}

// process controls a child from the test.
type process struct{ *harness.Child }

// spawn starts a child with the variables, and ends it after the test.
func spawn(t *testing.T, variables ...string) process {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process{harness.StartChild(t, exec.Command(path, "-test.run=^TestChild$"), append(variables, childVariable+"=1")...)}
}

// says waits for a line of the process, and returns what follows the word.
func (p process) says(t *testing.T, word string) string {
	t.Helper()
	line := p.Line(t)
	text, ok := strings.CutPrefix(line, word+": ")
	if !ok {
		t.Fatalf("the process says %q; want %s", line, word)
	}
	return text
}

// driverName returns the name of the driver that the process runs.
func (p process) driverName() string {
	return "pid-" + strconv.Itoa(p.Cmd.Process.Pid) + ".example.com"
}

func TestTwoProcessesOnOneSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(harness.ShortDir(t), "cosi.sock")
	first := spawn(t, "COSI_ENDPOINT=unix://"+path)
	first.says(t, "listening")
	old := harness.Dial(t, path)
	harness.NameOf(t, old)

	second := spawn(t, "COSI_ENDPOINT=unix://"+path)
	if text := second.says(t, "ended"); !strings.Contains(text, "COSI_ENDPOINT=") || !strings.Contains(text, "another process uses "+path) {
		t.Errorf("the second process ended with %q", text)
	}
	for _, name := range []string{harness.NameOf(t, old), harness.NameAt(t, path)} {
		if name != first.driverName() {
			t.Errorf("%s answers; want %s", name, first.driverName())
		}
	}
}

func TestKilledDriverIsStartedAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(harness.ShortDir(t), "cosi.sock")
	for range 3 {
		p := spawn(t, "COSI_ENDPOINT=unix://"+path)
		p.says(t, "listening")
		if name := harness.NameAt(t, path); name != p.driverName() {
			t.Errorf("%s answers; want %s", name, p.driverName())
		}
		p.Kill()
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
			t.Errorf("a killed driver leaves %v, %v; want its socket", info, err)
		}
	}
}

func TestStoppedDriverLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := harness.ShortDir(t)
	p := spawn(t, "COSI_ENDPOINT=unix://"+dir+"/cosi.sock")
	p.says(t, "listening")
	if list := listing(t, dir); list != "cosi.sock" {
		t.Errorf("the folder holds %q while the driver runs; want the socket alone", list)
	}
	p.In.Close()
	if text := p.says(t, "ended"); text != "<nil>" {
		t.Errorf("the process ended with %s", text)
	}
	if list := listing(t, dir); list != "" {
		t.Errorf("the folder holds %q after the driver ran; want nothing", list)
	}
}

// listing joins the names in a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestSuccessorKeepsItsSocket starts a driver on the path of a driver that drains.
func TestSuccessorKeepsItsSocket(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	old := harness.Start(t, &harness.Handlers{Delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
		close(entered)
		<-release
		return &cosi.DriverDeleteBucketResponse{}, nil
	}})
	called := make(chan error, 1)
	go func() {
		_, err := cosi.NewProvisionerClient(old.Conn).DriverDeleteBucket(harness.Timeout(t), &cosi.DriverDeleteBucketRequest{BucketId: "b"})
		called <- err
	}()
	<-entered
	old.Stop()
	harness.Eventually(t, func() bool { return listing(t, filepath.Dir(old.Path)) == "" }, "a driver that drains keeps its socket")

	successor := gocosi.WithDefaultEndpoint(old.Path)
	harness.Start(t, &harness.Handlers{}, successor, harness.Env(map[string]string{gocosi.EnvCOSIDriverName: "successor.example.com"}))
	before := inode(t, old.Path)
	close(release)
	if err := <-called; err != nil {
		t.Errorf("the call during the drain returns %v; want success", err)
	}
	if err := old.Wait(t); err != nil {
		t.Error(err)
	}
	if after := inode(t, old.Path); !os.SameFile(before, after) {
		t.Error("the drained driver replaced the socket; want the successor's")
	}
	if name := harness.NameAt(t, old.Path); name != "successor.example.com" {
		t.Errorf("%s answers", name)
	}
}

func inode(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestDriverLeavesWhatReplacedItsSocket(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, &harness.Handlers{})
	if err := os.Remove(d.Path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := inode(t, d.Path)
	if err := d.Wait(t); err != nil {
		t.Error(err)
	}
	content, err := os.ReadFile(d.Path)
	if string(content) != "precious" || !os.SameFile(before, inode(t, d.Path)) {
		t.Errorf("the file holds %q, %v; want it untouched", content, err)
	}
}

// TestStopWhileWaitingForTheLock checks that a starting driver stops waiting for the lock of the folder after a stop.
func TestStopWhileWaitingForTheLock(t *testing.T) {
	t.Parallel()
	dir := harness.ShortDir(t)
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	driver := harness.New(t, dir+"/cosi.sock", &harness.Handlers{})
	if err := driver.Run(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second { // a wait for the lock may take 10 s
		t.Errorf("it took %s; want at most 5 s", took)
	}
	if list := listing(t, dir); list != "" {
		t.Errorf("the folder holds %q; want nothing", list)
	}
}

// TestTCPListensWhereAsked checks the system's list of the addresses where a process listens.
func TestTCPListensWhereAsked(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc/net/tcp")
	}
	for _, endpoint := range []string{"tcp://127.0.0.1:0", "tcp://localhost:0"} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			p := spawn(t, "COSI_ENDPOINT="+endpoint)
			addr := p.says(t, "listening")
			if list := listeningSockets(t, p.Cmd.Process.Pid); len(list) != 1 || list[0] != addr || !strings.HasPrefix(addr, "127.0.0.1:") {
				t.Errorf("it says %s, and listens on %q; want one address, on 127.0.0.1", addr, list)
			}
		})
	}
}

// listeningSockets lists the addresses where a process waits for TCP connections.
func listeningSockets(t *testing.T, pid int) (list []string) {
	t.Helper()
	own := map[string]bool{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		if target, _ := os.Readlink(link); strings.HasPrefix(target, "socket:[") {
			own[strings.Trim(target, "socket:[]")] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Log(err) // the system may lack IPv6
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && own[f[9]] {
				list = append(list, socketAddress(t, f[1]))
			}
		}
	}
	return list
}

// socketAddress parses an address in the kernel's format: 32-bit numbers in the machine's byte order, and the port.
func socketAddress(t *testing.T, text string) string {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+4 <= len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, _ := netip.AddrFromSlice(b)
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(addr, uint16(n)).String()
}
