//go:build unix

package gocosi_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
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

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// childVariable is set in processes that a test starts: they run a driver.
const childVariable = "GOCOSI_TEST_CHILD"

// TestChild is the whole of such a process: a driver, configured by the process's environment, until its input ends.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("this is run by other tests, in a process of its own")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	driver, err := gocosi.New(gocosi.NewIdentity("pid-"+strconv.Itoa(os.Getpid())+".example.com"), &handlers{})
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

// process is a child, seen from the test.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// spawn starts a child with the variables, and ends it after the test.
func spawn(t *testing.T, variables ...string) *process {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(path, "-test.run=^TestChild$")}
	p.cmd.Env = append(append(os.Environ(), childVariable+"=1"), variables...)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// kill ends the process at once; it may be called again.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// says waits for a line of the process, and returns what follows the word.
func (p *process) says(t *testing.T, word string) string {
	t.Helper()
	late := time.AfterFunc(limit, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	p.out.Scan()
	text, ok := strings.CutPrefix(p.out.Text(), word+": ")
	if !ok {
		t.Fatalf("the process says %q; want %s", p.out.Text(), word)
	}
	return text
}

// driverName is the name of the driver that the process runs.
func (p *process) driverName() string {
	return "pid-" + strconv.Itoa(p.cmd.Process.Pid) + ".example.com"
}

// nameAt asks the driver on a socket for its name, by a new connection.
func nameAt(t *testing.T, path string) string {
	t.Helper()
	conn := dial(t, path)
	defer conn.Close()
	return askName(t, conn)
}

func askName(t *testing.T, conn *grpc.ClientConn) string {
	t.Helper()
	info, err := cosi.NewIdentityClient(conn).DriverGetInfo(timeout(t), &cosi.DriverGetInfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return info.GetName()
}

func TestTwoProcessesOnOneSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "cosi.sock")
	first := spawn(t, "COSI_ENDPOINT=unix://"+path)
	first.says(t, "listening")
	old := dial(t, path)
	askName(t, old)

	second := spawn(t, "COSI_ENDPOINT=unix://"+path)
	if text := second.says(t, "ended"); !strings.Contains(text, "COSI_ENDPOINT=") || !strings.Contains(text, "another process answers on "+path) {
		t.Errorf("the second process ended with %q", text)
	}
	for _, name := range []string{askName(t, old), nameAt(t, path)} {
		if name != first.driverName() {
			t.Errorf("%s answers; want %s", name, first.driverName())
		}
	}
}

func TestKilledDriverIsStartedAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "cosi.sock")
	for range 3 {
		p := spawn(t, "COSI_ENDPOINT=unix://"+path)
		p.says(t, "listening")
		if name := nameAt(t, path); name != p.driverName() {
			t.Errorf("%s answers; want %s", name, p.driverName())
		}
		p.kill()
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
			t.Errorf("a killed driver leaves %v, %v; want its socket", info, err)
		}
	}
}

func TestStoppedDriverLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	p := spawn(t, "COSI_ENDPOINT=unix://"+dir+"/cosi.sock")
	p.says(t, "listening")
	if list := listing(t, dir); list != "cosi.sock" {
		t.Errorf("the folder holds %q while the driver runs", list)
	}
	p.in.Close()
	if text := p.says(t, "ended"); text != "<nil>" {
		t.Errorf("the process ended with %s", text)
	}
	if list := listing(t, dir); list != "" {
		t.Errorf("the folder holds %q after the driver ran", list)
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

// TestSuccessorKeepsItsSocket starts a driver on the path of another one that drains.
func TestSuccessorKeepsItsSocket(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	old := start(t, &handlers{delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
		close(entered)
		<-release
		return &cosi.DriverDeleteBucketResponse{}, nil
	}})
	called := make(chan error, 1)
	go func() {
		_, err := cosi.NewProvisionerClient(old.conn).DriverDeleteBucket(timeout(t), &cosi.DriverDeleteBucketRequest{BucketId: "b"})
		called <- err
	}()
	<-entered
	old.stop()
	eventually(t, func() bool { return listing(t, filepath.Dir(old.path)) == "" }, "a driver that drains keeps its socket")

	successor := gocosi.WithDefaultEndpoint(old.path)
	start(t, &handlers{}, successor, env(map[string]string{gocosi.EnvCOSIDriverName: "successor.example.com"}))
	before := inode(t, old.path)
	close(release)
	if err := <-called; err != nil {
		t.Errorf("the call that was under way: %v", err)
	}
	if err := old.wait(t); err != nil {
		t.Error(err)
	}
	if after := inode(t, old.path); !os.SameFile(before, after) {
		t.Error("the socket is another one")
	}
	if name := nameAt(t, old.path); name != "successor.example.com" {
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
	d := start(t, &handlers{})
	if err := os.Remove(d.path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := inode(t, d.path)
	if err := d.wait(t); err != nil {
		t.Error(err)
	}
	content, err := os.ReadFile(d.path)
	if string(content) != "precious" || !os.SameFile(before, inode(t, d.path)) {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

func TestRunRefusesWhatIsNoSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "cosi.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	driver := goodDriver(t, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(path))
	checkError(t, driver.Run(timeout(t)), fmt.Sprintf("WithDefaultEndpoint=%q", "unix://"+path), "a regular file")
	checkError(t, addrError(t, driver), "ended before it listened")
	if content, err := os.ReadFile(path); string(content) != "precious" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

// goodDriver makes a driver of good servers.
func goodDriver(t *testing.T, options ...gocosi.Option) *gocosi.Driver {
	t.Helper()
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &handlers{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func TestOwnerOfTheSocket(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give the socket to another user")
	}
	var log logs
	d := start(t, &handlers{}, gocosi.WithLogger(log.logger()), gocosi.WithDefaultSocketUser("1"), gocosi.WithDefaultSocketGroup("54322"),
		env(map[string]string{gocosi.EnvCOSIEndpointUser: "54321"}))
	owner := inode(t, d.path).Sys().(*syscall.Stat_t)
	if owner.Uid != 54321 || owner.Gid != 54322 {
		t.Errorf("owner %d:%d", owner.Uid, owner.Gid)
	}
	log.wait(t, "driver listening", `"uid"=54321`, `"gid"=54322`, `X_COSI_ENDPOINT_USER=54321 (default \"1\")`)
}

// TestStopWhileWaitingForTheLock: whoever starts waits for the lock of the folder, but not after a stop.
func TestStopWhileWaitingForTheLock(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
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
	driver := goodDriver(t, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(dir+"/cosi.sock"))
	if err := driver.Run(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second { // the limit of the wait is 10
		t.Errorf("it took %s", took)
	}
	if list := listing(t, dir); list != "" {
		t.Errorf("the folder holds %q", list)
	}
}

// TestTCPListensWhereAsked reads from the system where a process listens.
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
			if list := listeningSockets(t, p.cmd.Process.Pid); len(list) != 1 || list[0] != addr || !strings.HasPrefix(addr, "127.0.0.1:") {
				t.Errorf("it says %s, and listens on %q; want one address, on 127.0.0.1", addr, list)
			}
		})
	}
}

// listeningSockets are the addresses on which a process waits for TCP connections.
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
			t.Log(err) // there may be no IPv6
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && own[f[9]] {
				list = append(list, socketAddress(t, f[1]))
			}
		}
	}
	return list
}

// socketAddress reads an address as the kernel prints it: numbers of 32 bits in the machine's order, and the port.
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

// runTCP runs a driver on a free port of 127.0.0.1, stops it after the test, and returns its address.
func runTCP(t *testing.T, options ...gocosi.Option) string {
	t.Helper()
	return runAt(t, "tcp://127.0.0.1:0", options...)
}

// runAt runs a driver at the endpoint, stops it after the test, and returns its address.
func runAt(t *testing.T, endpoint string, options ...gocosi.Option) string {
	t.Helper()
	driver := goodDriver(t, append([]gocosi.Option{gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(endpoint)}, options...)...)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- driver.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	addr, err := driver.Addr(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	return addr.String()
}

func TestTCPOffLoopbackServes(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t)
	for name, row := range map[string]struct {
		server gocosi.Option
		client credentials.TransportCredentials
	}{
		"TLS":     {gocosi.WithTransportCredentials(certs.server()), certs.client()},
		"allowed": {env(map[string]string{gocosi.EnvCOSIEndpointInsecure: "true"}), insecure.NewCredentials()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, port, err := net.SplitHostPort(runAt(t, "tcp://0.0.0.0:0", row.server))
			if err != nil {
				t.Fatal(err)
			}
			if name := askName(t, dialTCP(t, "127.0.0.1:"+port, row.client)); name != "test.example.com" {
				t.Errorf("%s answers", name)
			}
		})
	}
}

// dialTCP connects to an address, and closes the connection after the test.
func dialTCP(t *testing.T, address string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t)
	address := runTCP(t, gocosi.WithTransportCredentials(certs.server()))
	for name, row := range map[string]struct {
		creds credentials.TransportCredentials
		want  codes.Code
	}{
		"client certificate":    {certs.client(), codes.OK},
		"no client certificate": {certs.anonymous(), codes.Unavailable},
		"another authority":     {newCertificates(t).client(), codes.Unavailable},
		"no TLS":                {insecure.NewCredentials(), codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := cosi.NewProvisionerClient(dialTCP(t, address, row.creds))
			bucket, err := client.DriverCreateBucket(timeout(t), &cosi.DriverCreateBucketRequest{Name: "b"})
			if status.Code(err) != row.want {
				t.Fatalf("%v; want %s", err, row.want)
			}
			if row.want == codes.OK && bucket.GetBucketId() != "id-b" {
				t.Errorf("bucket %v", bucket)
			}
		})
	}
}

// certificates are an authority's certificates for a server on 127.0.0.1 and for its clients.
type certificates struct {
	authority *x509.CertPool
	leaf      tls.Certificate
}

func newCertificates(t *testing.T) *certificates {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &certificates{pool, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}
}

// server demands a certificate of its clients.
func (c *certificates) server() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.leaf}, ClientCAs: c.authority, ClientAuth: tls.RequireAndVerifyClientCert,
	})
}

func (c *certificates) client() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.leaf}, RootCAs: c.authority})
}

// anonymous trusts the server, and has no certificate.
func (c *certificates) anonymous() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.authority})
}

// TestSilentClients connects, says little, and stays until the driver cuts it off.
func TestSilentClients(t *testing.T) {
	t.Parallel()
	const preface, settings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	certs := newCertificates(t)
	for name, row := range map[string]struct {
		text    string
		clients int
		options []gocosi.Option
	}{
		"not a word":        {"", 1, nil},
		"half a preface":    {preface[:10], 1, nil},
		"a handshake":       {preface + settings, 1, nil},
		"many":              {"", 50, nil},
		"not a word of TLS": {"", 1, []gocosi.Option{gocosi.WithTransportCredentials(certs.server())}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logs
			const timeout = 100 * time.Millisecond
			d := start(t, &handlers{}, append(row.options, gocosi.WithLogger(log.logger()), gocosi.WithDefaultShutdownTimeout(timeout))...)
			for range row.clients {
				conn, err := net.Dial("unix", d.path)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, row.text); err != nil {
					t.Fatal(err)
				}
			}
			checkAccepted(t, d.path)
			begin := time.Now()
			if err := d.wait(t); err != nil {
				t.Errorf("Run: %v", err)
			}
			if took := time.Since(begin); took > timeout+2*time.Second {
				t.Errorf("the end took %s", took)
			}
			if lines := log.lines("left behind"); len(lines) > 0 {
				t.Errorf("logged: %q", lines)
			}
		})
	}
}

// checkAccepted connects and waits until the driver closes the connection for what is said there: all that connected
// before were accepted.
func checkAccepted(t *testing.T, path string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, strings.Repeat("not a handshake\r\n", 10)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
		t.Fatal("the driver did not accept")
	}
}
