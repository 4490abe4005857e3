package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"net"
	"net/netip"

	"google.golang.org/grpc/credentials"

	"github.com/doomshrine/gocosi/internal/address"
)

// tlsFlags say how the driver and this client prove who they are.
type tlsFlags struct {
	ca, cert, key file
	name          string // that the driver's certificate must have; "": the endpoint's host
}

func (v *invocation) tlsFlags(set *flag.FlagSet) {
	t := &v.tls
	set.Var(&t.ca, "ca", "`FILE` with the certificates that sign the driver's, as PEM; turns TLS on (default with TLS: the system's)")
	set.Var(&t.cert, "cert", "`FILE` with this client's certificate, as PEM; turns TLS on")
	set.Var(&t.key, "key", "`FILE` with the private key of -cert, as PEM")
	set.Func("server-name", "`NAME` that the driver's certificate must have; turns TLS on (default: the endpoint's host, or localhost on a Unix socket)",
		func(name string) error {
			if name == "" {
				return errors.New("want the name that the driver's certificate has")
			}
			t.name = name
			return nil
		})
}

// on says whether a flag turns TLS on.
func (t *tlsFlags) on() bool { return t.ca.given || t.cert.given || t.key.given || t.name != "" }

func (t *tlsFlags) validate() error {
	switch {
	case t.cert.given && !t.key.given:
		return errors.New("-cert is given without -key; want both or none")
	case t.key.given && !t.cert.given:
		return errors.New("-key is given without -cert; want both or none")
	}
	return nil
}

// handshakeWith reads the files that the flags name; nil when TLS is off.
func (v *invocation) handshakeWith(where address.Endpoint) (*handshake, error) {
	t := v.tls
	if !t.on() {
		return nil, nil //nolint:nilnil // no TLS
	}
	h := &handshake{flags: t, name: serverName(t.name, where)}
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetClientCertificate: h.present}
	if host, _, _ := net.SplitHostPort(where.Address); h.name != host { // otherwise calls carry the port as well
		config.ServerName = h.name
	}
	if t.ca.given {
		roots, err := v.certificates("ca", t.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		for _, root := range roots {
			config.RootCAs.AddCert(root)
		}
	}
	if t.cert.given {
		own, err := v.ownCertificate()
		if err != nil {
			return nil, err
		}
		h.own = own
	}
	h.TransportCredentials = credentials.NewTLS(config)
	return h, nil
}

// serverName is the name that the driver's certificate must have.
func serverName(given string, where address.Endpoint) string {
	const local = "localhost"
	host, _, _ := net.SplitHostPort(where.Address)
	switch addr, err := netip.ParseAddr(host); {
	case given != "":
		return given
	case where.Network == address.Unix, host == "":
		return local
	case err == nil:
		return addr.WithZone("").String() // no certificate names a zone
	default:
		return host
	}
}
