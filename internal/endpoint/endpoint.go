// Package endpoint reads where a driver listens, and listens there: on a Unix socket whose permissions are never wider
// than asked for, or on TCP.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The networks of an endpoint.
const (
	Unix = "unix"
	TCP  = "tcp"
)

// accepted is what a refusal of an endpoint ends with.
const accepted = "accepted are unix:///path, unix:/path, /path and tcp://host:port"

// maxPath is how many bytes a socket's path may have: the address ends with a zero byte.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Endpoint is where a driver listens.
type Endpoint struct {
	Network string // Unix or TCP
	Address string // an absolute path, or host:port
}

func (e Endpoint) String() string { return e.Network + "://" + e.Address }

// Parse reads an endpoint in one of the accepted forms.
func Parse(text string) (Endpoint, error) {
	if rest, ok := strings.CutPrefix(text, "tcp://"); ok {
		return parseTCP(rest)
	}
	if rest, ok := strings.CutPrefix(text, "unix:"); ok {
		if strings.ContainsAny(rest, "%?#") {
			return Endpoint{}, errors.New("holds one of %, ? and #, which gRPC clients read in a way of their own")
		}
		if after, ok := strings.CutPrefix(rest, "//"); ok {
			rest = after
			if !strings.HasPrefix(rest, "/") && strings.Contains(rest, "/") {
				return Endpoint{}, fmt.Errorf("names a host before the path; %s", accepted)
			}
		}
		return parsePath(rest)
	}
	if scheme, _, ok := strings.Cut(text, ":"); ok && !strings.Contains(scheme, "/") {
		return Endpoint{}, fmt.Errorf("the scheme %q is not supported; %s", scheme, accepted)
	}
	return parsePath(text)
}

func parsePath(path string) (Endpoint, error) {
	switch {
	case !filepath.IsAbs(path):
		return Endpoint{}, fmt.Errorf("the path %q is not absolute; %s", path, accepted)
	case slices.Contains([]string{"", ".", ".."}, path[strings.LastIndex(path, "/")+1:]):
		return Endpoint{}, fmt.Errorf("the path %q names a folder; name the socket in it", path)
	case strings.ContainsRune(path, 0):
		return Endpoint{}, errors.New("the path holds a zero byte")
	case len(path) > maxPath:
		return Endpoint{}, fmt.Errorf("the path has %d bytes; a socket's path has %d at most", len(path), maxPath)
	}
	return Endpoint{Network: Unix, Address: filepath.Clean(path)}, nil
}

func parseTCP(address string) (Endpoint, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return Endpoint{}, fmt.Errorf("%w; %s", err, accepted)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return Endpoint{}, fmt.Errorf("the port %q is not a number from 0 to 65535", port)
	}
	return Endpoint{Network: TCP, Address: address}, nil
}

// Loopback says whether the endpoint can be reached from this machine only, as far as its text tells: a Unix socket,
// an address such as 127.0.0.1 or [::1], or localhost.
func (e Endpoint) Loopback() bool {
	if e.Network == Unix {
		return true
	}
	host, _, _ := net.SplitHostPort(e.Address)
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// ErrOffLoopback refuses an address that other machines can reach.
var ErrOffLoopback = errors.New("credentials that are granted would cross the network in the clear")

// Listen opens the endpoint. A Unix socket gets the permissions; TCP that is not on loopback is refused with
// ErrOffLoopback unless offLoopback allows it.
func (e Endpoint) Listen(ctx context.Context, perms Perms, offLoopback bool) (net.Listener, error) {
	if e.Network == Unix {
		return listenUnix(ctx, e.Address, perms)
	}
	return listenTCP(ctx, e.Address, offLoopback)
}

// listenTCP checks the address that the name resolved to before it is bound, so that a localhost that the machine's
// host table sends elsewhere is not opened to the network.
func listenTCP(ctx context.Context, address string, offLoopback bool) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, resolved string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(resolved)
		if !offLoopback && (err != nil || !addr.Addr().IsLoopback()) {
			return fmt.Errorf("%s is %s: %w", address, resolved, ErrOffLoopback)
		}
		return nil
	}}
	return lc.Listen(ctx, TCP, address)
}
