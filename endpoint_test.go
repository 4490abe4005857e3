//go:build unix

package gocosi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

func TestRunRefusesWhatIsNoSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(harness.ShortDir(t), "cosi.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	driver := goodDriver(t, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(path))
	checkError(t, driver.Run(harness.Timeout(t)), fmt.Sprintf("WithDefaultEndpoint=%q", "unix://"+path), "a regular file")
	checkError(t, addrError(t, driver), "ended before it listened")
	if content, err := os.ReadFile(path); string(content) != "precious" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}

// goodDriver creates a driver with good servers.
func goodDriver(t *testing.T, options ...gocosi.Option) *gocosi.Driver {
	t.Helper()
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &harness.Handlers{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return driver
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
	addr, err := driver.Addr(harness.Timeout(t))
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
		"allowed": {harness.Env(map[string]string{gocosi.EnvCOSIEndpointInsecure: "true"}), insecure.NewCredentials()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, port, err := net.SplitHostPort(runAt(t, "tcp://0.0.0.0:0", row.server))
			if err != nil {
				t.Fatal(err)
			}
			if name := harness.NameOf(t, dialTCP(t, "127.0.0.1:"+port, row.client)); name != "test.example.com" {
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
			bucket, err := client.DriverCreateBucket(harness.Timeout(t), &cosi.DriverCreateBucketRequest{Name: "b"})
			if status.Code(err) != row.want {
				t.Fatalf("%v; want %s", err, row.want)
			}
			if row.want == codes.OK && bucket.GetBucketId() != "id-b" {
				t.Errorf("bucket %v", bucket)
			}
		})
	}
}

// certificates holds an authority's certificates for a server on 127.0.0.1 and for its clients.
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

// server returns credentials of a server that requires client certificates.
func (c *certificates) server() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.leaf}, ClientCAs: c.authority, ClientAuth: tls.RequireAndVerifyClientCert,
	})
}

func (c *certificates) client() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.leaf}, RootCAs: c.authority})
}

// anonymous returns credentials of a client that trusts the server and has no certificate.
func (c *certificates) anonymous() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.authority})
}

// TestSilentClients connects, sends little, and waits until the driver closes the connection.
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
			var log harness.Logs
			const timeout = 100 * time.Millisecond
			d := harness.Start(t, &harness.Handlers{}, append(row.options, gocosi.WithLogger(log.Logger()), gocosi.WithDefaultShutdownTimeout(timeout))...)
			for range row.clients {
				conn, err := net.Dial("unix", d.Path)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, row.text); err != nil {
					t.Fatal(err)
				}
			}
			checkAccepted(t, d.Path)
			begin := time.Now()
			if err := d.Wait(t); err != nil {
				t.Errorf("Run: %v", err)
			}
			if took := time.Since(begin); took > timeout+2*time.Second {
				t.Errorf("the end took %s, want at most %s", took, timeout+2*time.Second)
			}
			if lines := log.Lines("abandoned"); len(lines) > 0 {
				t.Errorf("logged: %q", lines)
			}
		})
	}
}

// checkAccepted checks that the driver has accepted all earlier connections. It connects, sends rubbish, and waits
// until the driver closes the connection.
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
	_ = conn.SetReadDeadline(time.Now().Add(harness.Limit))
	if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
		t.Fatal("the driver did not accept, want a closed connection")
	}
}

func TestNewOffLoopback(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t)
	for name, row := range map[string]struct {
		insecure string
		options  []gocosi.Option
		refused  bool
	}{
		"nothing":                     {"", nil, true},
		"explicitly secure":           {"false", nil, true},
		"no credentials":              {"", []gocosi.Option{gocosi.WithTransportCredentials(nil)}, true},
		"credentials that do nothing": {"", []gocosi.Option{gocosi.WithTransportCredentials(insecure.NewCredentials())}, true},
		"credentials taken back": {
			"", []gocosi.Option{gocosi.WithTransportCredentials(certs.server()), gocosi.WithTransportCredentials(nil)}, true,
		},
		"TLS":     {"", []gocosi.Option{gocosi.WithTransportCredentials(certs.server())}, false},
		"allowed": {"true", nil, false},
	} {
		for _, address := range []string{"tcp://0.0.0.0:0", "tcp://:0", "tcp://[::]:9000", "tcp://192.0.2.1:9000", "tcp://s3.example.com:9000"} {
			t.Run(name+" "+address, func(t *testing.T) {
				t.Parallel()
				err := newWith(t, append(row.options, harness.Env(map[string]string{
					gocosi.EnvCOSIEndpoint: address, gocosi.EnvCOSIEndpointInsecure: row.insecure,
				}))...)
				if row.refused {
					checkError(t, err, fmt.Sprintf("%s=%q", gocosi.EnvCOSIEndpoint, address), offLoopback)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func addrError(t *testing.T, driver *gocosi.Driver) error {
	t.Helper()
	_, err := driver.Addr(harness.Timeout(t))
	return err
}

// watchedListener records whether it was closed.
type watchedListener struct {
	net.Listener
	addr   net.Addr
	closed chan struct{}
	once   sync.Once
}

func watchListener(addr net.Addr) *watchedListener {
	return &watchedListener{Listener: bufconn.Listen(1), addr: addr, closed: make(chan struct{})}
}

func (l *watchedListener) Addr() net.Addr { return l.addr }

func (l *watchedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *watchedListener) checkClosed(t *testing.T) {
	t.Helper()
	select {
	case <-l.closed:
	default:
		t.Error("the listener is open, want it closed")
	}
}

func TestServeRefusesTCPOffLoopback(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]net.IP{
		"every address": net.IPv4zero, "every IPv6 address": net.IPv6unspecified, "another": net.IPv4(192, 0, 2, 1), "none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &harness.Handlers{}, gocosi.WithEnvironment(nil))
			if err != nil {
				t.Fatal(err)
			}
			lis := watchListener(&net.TCPAddr{IP: addr, Port: 9000})
			checkError(t, driver.Serve(harness.Timeout(t), lis), offLoopback, lis.addr.String())
			lis.checkClosed(t)
		})
	}
}
