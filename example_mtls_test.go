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
	"math/big"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// This example shows a driver and a caller that authenticate each other over TCP. Without transport credentials, New refuses an endpoint off
// loopback, because grants would cross the network in clear text.
func ExampleWithTransportCredentials() {
	ca := newAuthority()
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &photos{},
		gocosi.WithDefaultEndpoint("tcp://127.0.0.1:0"), // any host and port; 0 takes a free port
		gocosi.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			MinVersion:   tls.VersionTLS13,
			Certificates: []tls.Certificate{ca.issue("driver", x509.ExtKeyUsageServerAuth)},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    ca.pool(),
		})),
		gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- driver.Run(ctx) }()
	addr, err := driver.Addr(ctx)
	if err != nil {
		fmt.Println(err)
	}
	known := &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: ca.pool(),
		Certificates: []tls.Certificate{ca.issue("sidecar", x509.ExtKeyUsageClientAuth)},
	}
	fmt.Println("with a certificate:", askInfo(ctx, addr, known))
	fmt.Println("without:", askInfo(ctx, addr, &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: ca.pool()}))
	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// with a certificate: OK
	// without: Unavailable
	// ended: <nil>
}

// askInfo asks a driver for its name, and returns the code of the answer.
func askInfo(ctx context.Context, addr net.Addr, config *tls.Config) string {
	conn, err := grpc.NewClient(addr.String(), grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	_, err = cosi.NewIdentityClient(conn).DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
	return status.Code(err).String()
}

// authority issues certificates, as cert-manager does in a cluster.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() *authority {
	a := &authority{}
	signed, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	cert, err := x509.ParseCertificate(signed)
	if err != nil {
		panic(err)
	}
	return &authority{cert, key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue issues a certificate for 127.0.0.1.
func (a *authority) issue(name string, usage x509.ExtKeyUsage) tls.Certificate {
	signed, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	})
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}

// sign signs a certificate for a new key. An authority without a certificate signs its own.
func (a *authority) sign(template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	return signed, key
}
