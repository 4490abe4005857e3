package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
)

// authority signs certificates, and writes them to files.
type authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	folder string
	file   string // with its certificate
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{folder: t.TempDir()}
	a.cert, a.key = sign(t, nil, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = name, true, true, x509.KeyUsageCertSign
	})
	a.file = filepath.Join(a.folder, "ca.pem")
	writePEM(t, a.file, "CERTIFICATE", a.cert.Raw)
	return a
}

// sign makes a certificate that change changes; without an authority it signs itself.
func sign(t *testing.T, by *authority, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	change(made)
	parent, signer := made, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, made, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func writePEM(t *testing.T, path, kind string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// identity is a certificate with its key, also in files.
type identity struct {
	tls.Certificate

	cert, key string
}

func (a *authority) issue(t *testing.T, name string, change func(*x509.Certificate)) identity {
	t.Helper()
	cert, key := sign(t, a, func(c *x509.Certificate) {
		c.Subject.CommonName = name
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		change(c)
	})
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	i := identity{tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, filepath.Join(a.folder, name+".crt"), filepath.Join(a.folder, name+".key")}
	writePEM(t, i.cert, "CERTIFICATE", cert.Raw)
	writePEM(t, i.key, "PRIVATE KEY", raw)
	return i
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// local gives a certificate the names of this machine.
func local(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
}

func unnamed(*x509.Certificate) {}

func expired(c *x509.Certificate) {
	local(c)
	c.NotBefore, c.NotAfter = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)
}

func future(c *x509.Certificate) {
	local(c)
	c.NotBefore, c.NotAfter = time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2121, 1, 1, 0, 0, 0, 0, time.UTC)
}

// serveOn serves the store by bare gRPC, and returns the endpoint.
func serveOn(t *testing.T, network string, config *tls.Config) string {
	t.Helper()
	where := "127.0.0.1:0"
	if network == "unix" {
		where = socket(t)
	}
	lis, err := net.Listen(network, where)
	if err != nil {
		t.Fatal(err)
	}
	var options []grpc.ServerOption
	if config != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	server, ended := grpc.NewServer(options...), make(chan struct{})
	s := &store{}
	cosi.RegisterIdentityServer(server, s)
	cosi.RegisterProvisionerServer(server, s)
	go func() { defer close(ended); _ = server.Serve(lis) }()
	t.Cleanup(func() { server.Stop(); <-ended })
	return network + "://" + lis.Addr().String()
}

// A driver of gocosi's and this client authenticate each other over TCP, with either version of TLS.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "CA")
	driver, own := ca.issue(t, "driver", local), ca.issue(t, "client", unnamed)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			d, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &store{}, gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry(),
				gocosi.WithDefaultEndpoint("tcp://127.0.0.1:0"), gocosi.WithTransportCredentials(credentials.NewTLS(&tls.Config{
					MinVersion: version, MaxVersion: version, Certificates: []tls.Certificate{driver.Certificate},
					ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(),
				})))
			if err != nil {
				t.Fatal(err)
			}
			endpoint := runDriver(t, d)
			flags := []string{"-ca", ca.file, "-cert", own.cert, "-key", own.key}
			if out := must(t, "", endpoint, append(flags, "info")...); out != "name: test.example.com\n" {
				t.Errorf("info prints %q", out)
			}
			r := readReport(t, must(t, "", endpoint, append([]string{"check", "-o", "json"}, flags...)...))
			if !r.OK || r.Counts[cositest.Passed] < 20 || r.Driver != "test.example.com" {
				t.Errorf("report is %q, %v", r.Verdict, r.Counts)
			}
			config := fmt.Sprintf(`{"ca": %q, "cert": %q, "key": %q, "run": "^INFO-1$"}`, ca.file, own.cert, own.key)
			must(t, "", endpoint, "check", "-config", write(t, config))
		})
	}
}

// runDriver runs a driver, and returns its endpoint.
func runDriver(t *testing.T, d *gocosi.Driver) string {
	t.Helper()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.Run(t.Context()) }()
	t.Cleanup(func() { <-ended }) // the test's context has ended by then
	addr, err := d.Addr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return "tcp://" + addr.String()
}

// The name that the driver's certificate must have is the endpoint's host, localhost on a Unix socket, or the one given.
func TestServerName(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "CA")
	serving := func(network string, change func(*x509.Certificate)) string {
		return serveOn(t, network, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "driver", change).Certificate}})
	}
	other := func(c *x509.Certificate) { c.DNSNames = []string{"driver.example.com"} }
	tcp := serving("tcp", local)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(tcp, "tcp://"))
	for name, args := range map[string][]string{
		"an address":     {"-endpoint", tcp, "-ca", ca.file},
		"a host":         {"-endpoint", "tcp://localhost:" + port, "-ca", ca.file},
		"no host":        {"-endpoint", "tcp://:" + port, "-ca", ca.file},
		"a Unix socket":  {"-endpoint", serving("unix", local), "-ca", ca.file},
		"given":          {"-endpoint", serving("tcp", other), "-ca", ca.file, "-server-name", "driver.example.com"},
		"given, on Unix": {"-endpoint", serving("unix", other), "-ca", ca.file, "-server-name", "driver.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if o := cosictlUntil(t.Context(), "", append(args, "info")...); o.code != exitDone {
				t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
			}
		})
	}
}

// What goes wrong with TLS is one sentence that says what was tried and what is wanted.
func TestTLSFailures(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t, "CA"), newAuthority(t, "Other CA")
	old := newAuthority(t, "unused")
	old.cert, old.key = sign(t, nil, func(c *x509.Certificate) {
		expired(c)
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = "Old CA", true, true, x509.KeyUsageCertSign
	})
	writePEM(t, old.file, "CERTIFICATE", old.cert.Raw)
	serving := func(by *authority, change func(*x509.Certificate)) func(*testing.T) string {
		return func(t *testing.T) string {
			return serveOn(t, "tcp", &tls.Config{Certificates: []tls.Certificate{by.issue(t, strings.ReplaceAll(t.Name(), "/", "_"), change).Certificate}})
		}
	}
	wanting := func(version uint16) func(*testing.T) string {
		return func(t *testing.T) string {
			return serveOn(t, "tcp", &tls.Config{
				Certificates: []tls.Certificate{ca.issue(t, strings.ReplaceAll(t.Name(), "/", "_"), local).Certificate},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(), MinVersion: version, MaxVersion: version,
			})
		}
	}
	listening := func(config *tls.Config) func(*testing.T) string {
		config.Certificates = []tls.Certificate{ca.issue(t, "listening", local).Certificate}
		return func(t *testing.T) string {
			return "unix://" + raw(t, func(conn net.Conn) { _ = tls.Server(conn, config).Handshake() })
		}
	}
	closing := func(t *testing.T) string { return "unix://" + raw(t, func(conn net.Conn) { conn.Close() }) }
	inTheClear := func(t *testing.T) string { return serveOn(t, "tcp", nil) }
	stranger := other.issue(t, "stranger", unnamed)
	many := func(c *x509.Certificate) {
		for i := range 20 {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("n%d.example.com", i))
		}
	}
	withCA := []string{"-ca", ca.file}
	asStranger := append([]string{"-cert", stranger.cert, "-key", stranger.key}, withCA...)
	for _, one := range []struct {
		name  string
		serve func(*testing.T) string
		flags []string
		want  string
	}{
		{"wrong CA", serving(other, local), withCA, `the driver's certificate is signed by "CN=Other CA", and not by a certificate of -ca ` + ca.file + `; want the one that signs it`},
		{"wrong CA of the same name", serving(newAuthority(t, "CA"), local), withCA, `is signed by "CN=CA", and not by a certificate of -ca ` + ca.file},
		{"the system's CAs", serving(ca, local), []string{"-server-name", "localhost"}, `is signed by "CN=CA", which the system does not trust; want -ca FILE`},
		{"wrong name", serving(ca, local), append([]string{"-server-name", "example.com"}, withCA...), `the driver's certificate is not for "example.com", but for "localhost", "127.0.0.1"; want -server-name`},
		{"wrong name on a Unix socket", func(t *testing.T) string {
			return serveOn(t, "unix", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "elsewhere", unnamed).Certificate}})
		}, withCA, `the driver's certificate is not for "localhost", but for no name at all`},
		{"many names", serving(ca, many), withCA, `is not for "127.0.0.1", but for "n0.example.com", "n1.example.com", "n2.example.com", "n3.example.com", "n4.example.com", "n5.example.com", "n6.example.com", "n7.example.com" and 12 more; want`},
		{"no name", serving(ca, unnamed), withCA, `is not for "127.0.0.1", but for no name at all: it has no subject alternative name of a host; want`},
		{"expired", serving(ca, expired), withCA, "the driver's certificate expired at 2021-02-03T04:05:06Z; want one that is valid"},
		{"not yet valid", serving(ca, future), withCA, "the driver's certificate is not valid before 2120-01-01T00:00:00Z; want one that is valid"},
		{"expired CA", serving(old, local), []string{"-ca", old.file}, `"CN=Old CA", which signs the driver's certificate, expired at 2021-02-03T04:05:06Z; want`},
		{"driver in clear text", inTheClear, withCA, "this client speaks TLS, and the driver does not; want a driver with TLS, or no flag that turns it on: -ca, -cert, -key and -server-name"},
		{"driver that closes", closing, withCA, ", as with a driver that does not speak TLS; want a driver with TLS"},
		{"client in clear text", serving(ca, local), nil, "the driver speaks TLS, and this client does not; want -ca FILE"},
		{"client in clear text, mutual TLS 1.2", wanting(tls.VersionTLS12), nil, "the driver speaks TLS, and this client does not; want -ca FILE"},
		{"no certificate, TLS 1.2", wanting(tls.VersionTLS12), withCA, "it wants a certificate of this client, and gets none (handshake failure); want -cert and -key"},
		{"no certificate, TLS 1.3", wanting(tls.VersionTLS13), withCA, "it wants a certificate of this client, and gets none (certificate required); want -cert and -key"},
		{"another CA's, TLS 1.2", wanting(tls.VersionTLS12), asStranger, "it does not accept the certificate of -cert " + stranger.cert + `, which "CN=Other CA" signed (unknown certificate authority); want one signed by "CN=CA"`},
		{"another CA's, TLS 1.3", wanting(tls.VersionTLS13), asStranger, "it does not accept the certificate of -cert " + stranger.cert + `, which "CN=Other CA" signed (unknown certificate authority); want one signed by "CN=CA"`},
		{"TLS 1.1", listening(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), withCA, "it speaks an older TLS than 1.2"},
		{"no HTTP/2", listening(&tls.Config{NextProtos: []string{"http/1.1"}}), withCA, "it speaks TLS, but not HTTP/2 by it (ALPN h2); want a gRPC server"},
		{"no ALPN", listening(&tls.Config{}), withCA, "it speaks TLS, but not HTTP/2 by it (ALPN h2); want a gRPC server"},
		{"asks, and closes", func(t *testing.T) string {
			config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "asks", local).Certificate}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2"}}
			return "unix://" + raw(t, func(conn net.Conn) {
				_ = tls.Server(conn, config).Handshake()
				conn.Close()
			})
		}, withCA, "it asks for a certificate of this client, gets none, and ends the connection; want -cert and -key"},
		{"TLS without gRPC", func(t *testing.T) string {
			config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "mute", local).Certificate}, NextProtos: []string{"h2"}}
			return "unix://" + raw(t, func(conn net.Conn) {
				_ = tls.Server(conn, config).Handshake()
				conn.Close()
			})
		}, withCA, "it does not answer as a gRPC server does: "},
	} {
		for _, command := range []string{"info", "check"} {
			t.Run(one.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				endpoint := one.serve(t)
				o := cosictl(t, "", endpoint, append([]string{command}, one.flags...)...)
				if o.code != exitNoConnection || o.stdout != "" {
					t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
				}
				o.oneErrorLine(t, "cosictl: "+command+": no connection to "+endpoint+": ", one.want)
			})
		}
	}
}

// A certificate of this client's that the driver finds expired is refused by the driver's clock; this one's agrees with it.
func TestTLSExpiredForTheDriver(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "CA")
	own := ca.issue(t, "client", unnamed)
	endpoint := serveOn(t, "tcp", &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "driver", local).Certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(), Time: func() time.Time { return time.Now().Add(2 * time.Hour) },
	})
	o := cosictl(t, "", endpoint, "info", "-ca", ca.file, "-cert", own.cert, "-key", own.key)
	o.oneErrorLine(t, "it does not accept the certificate of -cert "+own.cert, "(expired certificate)")
	if o.code != exitNoConnection {
		t.Errorf("exit code %d", o.code)
	}
}

// Wrong files and flags are wrong usage, and no error says what a key's file holds.
func TestTLSFiles(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "CA")
	own, another := ca.issue(t, "own", unnamed), ca.issue(t, "another", unnamed)
	late, early := ca.issue(t, "late", expired), ca.issue(t, "early", future)
	content := func(text string) string { return write(t, text) }
	broken := content("-----BEGIN CERTIFICATE-----\n" + "Y2FuYXJ5LTRmMWQwYw==" + "\n-----END CERTIFICATE-----\n")
	brokenKey := content("-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + "Y2FuYXJ5LTRmMWQwYw==" + "\n-----END ENCRYPTED PRIVATE KEY-----\n")
	plain := content(canary)
	for _, one := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"certificate alone", []string{"-cert", own.cert}, "-cert is given without -key; want both or none"},
		{"key alone", []string{"-key", own.key}, "-key is given without -cert; want both or none"},
		{"no name", []string{"-server-name", ""}, "want the name that the driver's certificate has"},
		{"no such file", []string{"-ca", "/nowhere/ca.pem"}, "-ca: open /nowhere/ca.pem"},
		{"file without name", []string{"-ca", ""}, "-ca: "},
		{"no PEM", []string{"-ca", plain}, "-ca " + plain + ": it is no PEM file; want certificates as PEM"},
		{"key for a CA", []string{"-ca", own.key}, "-ca " + own.key + ": it is a PEM file without a certificate; want certificates as PEM"},
		{"broken CA", []string{"-ca", broken}, "-ca " + broken + ": block 1 of the PEM file is not a valid certificate; want certificates as PEM"},
		{"certificate that is no PEM", []string{"-cert", plain, "-key", own.key}, "-cert " + plain + ": it is no PEM file; want certificates as PEM"},
		{"no key's file", []string{"-cert", own.cert, "-key", "/nowhere/key"}, "-key: open /nowhere/key"},
		{"key that is no PEM", []string{"-cert", own.cert, "-key", plain}, "-key " + plain + ": it is no PEM file; want the private key, as PEM, of -cert " + own.cert},
		{"certificate for a key", []string{"-cert", own.cert, "-key", own.cert}, "-key " + own.cert + ": it is a PEM file without a private key; want that of -cert " + own.cert},
		{"encrypted key", []string{"-cert", own.cert, "-key", brokenKey}, "-key " + brokenKey + ": the private key cannot be read; want one that is RSA, ECDSA or Ed25519 and not encrypted, of -cert " + own.cert},
		{"another key", []string{"-cert", own.cert, "-key", another.key}, "-key " + another.key + ": the private key belongs to another certificate; want that of -cert " + own.cert},
		{"expired", []string{"-cert", late.cert, "-key", late.key}, "-cert " + late.cert + ": this client's certificate expired at 2021-02-03T04:05:06Z; want one that is valid"},
		{"not yet valid", []string{"-cert", early.cert, "-key", early.key}, "-cert " + early.cert + ": this client's certificate is not valid before 2120-01-01T00:00:00Z"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			for _, command := range []string{"info", "check"} {
				o := cosictl(t, "", "tcp://127.0.0.1:1", append([]string{command}, one.flags...)...)
				o.oneErrorLine(t, "cosictl: "+command+": ", one.want)
				if o.code != exitUsage || o.stdout != "" {
					t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
				}
				for _, secret := range []string{canary, "Y2FuYXJ5", "PRIVATE KEY--"} {
					if strings.Contains(o.stderr, secret) {
						t.Errorf("stderr holds %q: %q", secret, o.stderr)
					}
				}
			}
		})
	}
}

// torn is a connection that cannot be written to, and on which the driver's last words are late.
type torn struct {
	net.Conn

	written chan struct{}
}

func (c torn) Write([]byte) (int, error) {
	close(c.written)
	return 0, syscall.EPIPE
}

func (c torn) Read([]byte) (int, error) {
	<-c.written
	time.Sleep(20 * time.Millisecond)
	return 0, io.EOF
}

// Why a driver ended a connection is known before a failure to write to it is.
func TestLastWordsAreRead(t *testing.T) {
	t.Parallel()
	var noted atomic.Bool
	w := &watched{Conn: torn{written: make(chan struct{})}, note: func(error) { noted.Store(true) }, read: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = w.Read(nil) })
	if _, err := w.Write(nil); err == nil || !noted.Load() {
		t.Errorf("the write ends with %v, and the reason is known: %t", err, noted.Load())
	}
	reading.Wait()
}
