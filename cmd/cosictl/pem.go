package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const certificateBlock = "CERTIFICATE"

// certificates reads the certificates of the file that a flag names.
func (v *invocation) certificates(flag string, f file) ([]*x509.Certificate, error) {
	content, err := v.content(f.name)
	if err != nil {
		return nil, usageError{fmt.Errorf("-%s: %w", flag, err)}
	}
	found, err := parseCertificates(content)
	if err != nil {
		return nil, usageError{fmt.Errorf("-%s %s: %w", flag, f.name, err)}
	}
	return found, nil
}

// parseCertificates reads PEM. No error says what the file holds: it may be a private key.
func parseCertificates(content []byte) ([]*x509.Certificate, error) {
	const want = "want certificates as PEM"
	blocks := blocksOf(content)
	if len(blocks) == 0 {
		return nil, errors.New("it is no PEM file; " + want)
	}
	var found []*x509.Certificate
	for i, block := range blocks {
		if block.Type != certificateBlock {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("block %d of the PEM file is not a valid certificate; %s", i+1, want)
		}
		found = append(found, certificate)
	}
	if len(found) == 0 {
		return nil, errors.New("it is a PEM file without a certificate; " + want)
	}
	return found, nil
}

func blocksOf(content []byte) []*pem.Block {
	var blocks []*pem.Block
	for {
		block, rest := pem.Decode(content)
		if block == nil {
			return blocks
		}
		blocks, content = append(blocks, block), rest
	}
}

// ownCertificate reads this client's certificate and its key.
func (v *invocation) ownCertificate() (*tls.Certificate, error) {
	cert, key := v.tls.cert, v.tls.key
	chain, err := v.certificates("cert", cert)
	if err != nil {
		return nil, err
	}
	if fault := outdated(chain[0], time.Now()); fault != "" {
		return nil, usageError{fmt.Errorf("-cert %s: this client's certificate %s; want one that is valid", cert.name, fault)}
	}
	content, err := v.content(key.name)
	if err != nil {
		return nil, usageError{fmt.Errorf("-key: %w", err)}
	}
	own, err := pair(chain, content)
	if err != nil {
		return nil, usageError{fmt.Errorf("-key %s: %w -cert %s", key.name, err, cert.name)}
	}
	return own, nil
}

// pair joins a chain of certificates with its key. No error says what the key's file holds; each ends before the name of
// the certificate's.
func pair(chain []*x509.Certificate, key []byte) (*tls.Certificate, error) {
	var certificates []byte
	for _, one := range chain {
		certificates = append(certificates, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: one.Raw})...)
	}
	own, err := tls.X509KeyPair(certificates, key)
	if err == nil {
		return &own, nil
	}
	blocks := blocksOf(key)
	isKey := func(b *pem.Block) bool { return strings.HasSuffix(b.Type, "PRIVATE KEY") }
	switch {
	case len(blocks) == 0:
		return nil, errors.New("it is no PEM file; want the private key, as PEM, of")
	case !slices.ContainsFunc(blocks, isKey):
		return nil, errors.New("it is a PEM file without a private key; want that of")
	case strings.Contains(err.Error(), "does not match"):
		return nil, errors.New("the private key belongs to another certificate; want that of")
	}
	return nil, errors.New("the private key cannot be read; want one that is RSA, ECDSA or Ed25519 and not encrypted, of")
}

// outdated says when a certificate was, or will be, valid; "" when it is.
func outdated(certificate *x509.Certificate, now time.Time) string {
	switch {
	case now.After(certificate.NotAfter):
		return "expired at " + certificate.NotAfter.UTC().Format(time.RFC3339)
	case now.Before(certificate.NotBefore):
		return "is not valid before " + certificate.NotBefore.UTC().Format(time.RFC3339)
	}
	return ""
}
