package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// handshake makes connections by TLS, and remembers how that failed. Safe for concurrent use.
type handshake struct {
	credentials.TransportCredentials

	flags tlsFlags
	name  string           // that the driver's certificate must have
	own   *tls.Certificate // nil: none

	mu    sync.Mutex
	asked *tls.CertificateRequestInfo // nil: the driver wants no certificate of this client
	made  bool                        // the handshake succeeded, as far as this client is concerned
	err   error
}

// Clone returns the same handshake: what happens to a copy has to be known as well.
func (h *handshake) Clone() credentials.TransportCredentials { return h }

func (h *handshake) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, raw)
	h.mu.Lock()
	h.made = err == nil
	h.mu.Unlock()
	if err != nil {
		h.note(err)
		return nil, nil, err
	}
	return &watched{Conn: conn, note: h.note, read: make(chan struct{})}, info, nil
}

// present shows this client's certificate to a driver that wants one, also when its list of authorities lacks the one
// that signed it: the driver then says so, where without a certificate it would miss one.
func (h *handshake) present(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = asked
	if h.own == nil {
		return &tls.Certificate{}, nil
	}
	return h.own, nil
}

// note remembers the first error: gRPC tries again after it.
func (h *handshake) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
	}
}

// watched holds a connection after the handshake. With TLS 1.3 a server refuses a client's certificate only then.
type watched struct {
	net.Conn

	note func(error)
	once sync.Once
	read chan struct{} // is closed when nothing more can be read
}

// lastWords limits the wait for what the driver said before it ended the connection.
const lastWords = time.Second

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		w.note(err)
		w.once.Do(func() { close(w.read) })
	}
	return n, err
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if err != nil { // whoever hears of it closes the connection, and the reason may not be read yet
		select {
		case <-w.read:
		case <-time.After(lastWords):
		}
	}
	return n, err
}

// alert returns the words of a driver that ends a connection for a reason of TLS's; "" when it does not.
func alert(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return ""
}

// speaksTLS says whether a driver that does not answer in clear text does so by TLS. Nothing is sent to it but a handshake.
func (d *dialer) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	conn, err := d.endpoint.DialContext(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // whoever it is, it is told nothing
	err = tls.Client(conn, config).HandshakeContext(ctx)
	return err == nil || alert(err) != ""
}

// explain says why there is no connection, and what is wanted; nil when TLS is not the reason.
func (h *handshake) explain() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	doubt, doubted := errors.AsType[*tls.CertificateVerificationError](h.err)
	switch words := alert(h.err); {
	case h.err == nil:
		return nil
	case doubted:
		return h.doubt(doubt)
	case words != "":
		return h.turnedAway(words)
	case h.made && h.asked != nil && h.own == nil:
		return errors.New("it asks for a certificate of this client, gets none, and ends the connection; want -cert and -key")
	case h.made:
		return nil
	case is[tls.RecordHeaderError](h.err):
		return errors.New("this client speaks TLS, and the driver does not; " + wantTLS)
	case strings.Contains(h.err.Error(), "ALPN"):
		return errNoHTTP2
	}
	return fmt.Errorf("the TLS handshake fails (%w), as with a driver that does not speak TLS; %s", h.err, wantTLS)
}

const wantTLS = "want a driver with TLS, or no flag that turns it on: -ca, -cert, -key and -server-name"

var errNoHTTP2 = errors.New("it speaks TLS, but not HTTP/2 by it (ALPN h2); want a gRPC server")

// turnedAway explains the words with which a driver ends a connection.
func (h *handshake) turnedAway(words string) error {
	switch {
	case words == "no application protocol":
		return errNoHTTP2
	case words == "protocol version not supported":
		return errors.New("it speaks an older TLS than 1.2 or none that this client knows; want a driver with TLS 1.2 or 1.3")
	case h.asked == nil:
		return fmt.Errorf("the driver ends the TLS handshake for %q: %s", h.name, words)
	case h.own == nil:
		return fmt.Errorf("it wants a certificate of this client, and gets none (%s); want -cert and -key", words)
	}
	want := "want one that the driver's authorities signed"
	if accepted := authorities(h.asked.AcceptableCAs); accepted != "" {
		want = "want one signed by " + accepted
	}
	return fmt.Errorf("it does not accept the certificate of -cert %s, which %s signed (%s); %s", h.flags.cert.name, issuer(h.own.Leaf), words, want)
}

// doubt explains why the driver's certificate is not accepted.
func (h *handshake) doubt(doubt *tls.CertificateVerificationError) error {
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(doubt.Err, &wrongName):
		return fmt.Errorf("the driver's certificate is not for %q, but for %s; want -server-name with a name that it has, or another certificate",
			h.name, namesOf(wrongName.Certificate))
	case errors.As(doubt.Err, &invalid) && invalid.Reason == x509.Expired:
		whose := "the driver's certificate"
		if !invalid.Cert.Equal(doubt.UnverifiedCertificates[0]) {
			whose = shown(invalid.Cert.Subject) + ", which signs the driver's certificate,"
		}
		return fmt.Errorf("%s %s; want one that is valid", whose, outdated(invalid.Cert, time.Now()))
	case errors.As(doubt.Err, &unknown):
		by := issuer(doubt.UnverifiedCertificates[0])
		if !h.flags.ca.given {
			return fmt.Errorf("the driver's certificate is signed by %s, which the system does not trust; want -ca FILE with the certificate that signs it", by)
		}
		return fmt.Errorf("the driver's certificate is signed by %s, and not by a certificate of -ca %s; want the one that signs it", by, h.flags.ca.name)
	}
	return fmt.Errorf("the driver's certificate is not accepted: %w", doubt.Err)
}
