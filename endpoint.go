package gocosi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/conns"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/socket"
)

// errOffLoopback refuses an address that other machines can reach.
var errOffLoopback = fmt.Errorf("off loopback, granted credentials would cross the network in the clear; "+
	"want loopback, WithTransportCredentials or %s=true", EnvCOSIEndpointInsecure)

// checkReach holds the one rule about addresses off loopback: connections are secured, or the operator accepts the risk.
func (s settings) checkReach(loopback bool) error {
	if loopback || s.insecure || s.secured {
		return nil
	}
	return errOffLoopback
}

// secures reports whether the transport credentials protect a connection.
func (c *config) secures() bool {
	return !foreign.IsNil(c.credentials) && c.credentials.Info().SecurityProtocol != "insecure"
}

// checkEndpoint applies the rule to what the text of the endpoint tells.
func (s settings) checkEndpoint() error {
	if s.endpoint == (address.Endpoint{}) {
		return nil // the text was refused already
	}
	return s.ofEndpoint(s.checkReach(s.endpoint.Loopback()))
}

// ofEndpoint names the endpoint in an error, and who asked for it.
func (s settings) ofEndpoint(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s=%q: %w", s.endpointFrom, s.endpoint, err)
}

// listen opens the endpoint. It checks a resolved address before binding it, so that a localhost that the machine's host
// table sends elsewhere is not opened to the network.
func (s settings) listen(ctx context.Context) (lis net.Listener, err error) {
	if s.endpoint.Network == address.Unix {
		lis, err = socket.Listen(ctx, s.endpoint.Address, s.perms)
		return lis, s.ofEndpoint(err)
	}
	lc := net.ListenConfig{Control: func(_, resolved string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(resolved)
		return s.checkReach(err == nil && addr.Addr().IsLoopback())
	}}
	lis, err = lc.Listen(ctx, address.TCP, s.endpoint.Address)
	return lis, s.ofEndpoint(err)
}

// checkListener applies the rule to a listener of the caller's own, and closes one that it refuses.
func (s settings) checkListener(lis *conns.Listener) error {
	addr, tcp := lis.Addr().(*net.TCPAddr)
	if err := s.checkReach(!tcp || addr.IP.IsLoopback()); err != nil {
		return errors.Join(fmt.Errorf("listener %s: %w", addr, err), lis.Close())
	}
	return nil
}

func onSocket(addr net.Addr) bool { return addr.Network() == address.Unix }

// warnOfSocket logs what is allowed but unwise about a socket.
func warnOfSocket(log logr.Logger, path string) {
	if !strings.HasSuffix(path, ".sock") {
		log.Info("socket name is allowed but unwise", "reason", "GEN-1: it does not end in .sock, and later sidecars refuse that")
	}
	if perms, err := socket.PermsAt(path); err == nil && perms.Mode&0o002 != 0 {
		log.Info("socket mode is allowed but unwise", "reason", EnvCOSIEndpointPerms+": every user of this machine may use the socket")
	}
	for _, reason := range socket.Warnings(path) {
		log.Info("socket folder is allowed but unwise", "reason", reason)
	}
}
