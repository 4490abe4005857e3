package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"

	"github.com/doomshrine/gocosi/internal/bound"
)

// namesOf lists the names for which a certificate is good.
func namesOf(certificate *x509.Certificate) string {
	var names []string
	for _, name := range certificate.DNSNames {
		names = append(names, quotedName(name))
	}
	for _, ip := range certificate.IPAddresses {
		names = append(names, quotedName(ip.String()))
	}
	if len(names) == 0 {
		return "no name at all: it has no subject alternative name of a host"
	}
	return listed(names)
}

// authorities lists those whose signatures a driver accepts; "" when it does not tell.
func authorities(subjects [][]byte) string {
	var names []string
	for _, subject := range subjects {
		var sequence pkix.RDNSequence
		if _, err := asn1.Unmarshal(subject, &sequence); err == nil {
			var name pkix.Name
			name.FillFromRDNSequence(&sequence)
			names = append(names, shown(name))
		}
	}
	return listed(names)
}

// issuer names who signed a certificate.
func issuer(certificate *x509.Certificate) string { return shown(certificate.Issuer) }

func shown(name pkix.Name) string { return quotedName(name.String()) }

// quotedName is a name that somebody else chose.
func quotedName(name string) string { return strconv.Quote(bound.Cut(name, bound.Name)) }

// listed joins names, and tells how many it leaves out.
func listed(names []string) string {
	if more := len(names) - bound.List; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:bound.List], ", "), more)
	}
	return strings.Join(names, ", ")
}
