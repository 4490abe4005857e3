// Package address reads the text forms of an endpoint and dials it.
package address

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doomshrine/gocosi/internal/setting"
)

// The networks of an endpoint.
const (
	Unix = "unix"
	TCP  = "tcp"
)

// Default is where a driver listens unless somebody says otherwise: the sidecar looks there.
const Default = "unix:///var/lib/cosi/cosi.sock"

// want ends every refusal of an endpoint.
const want = "want unix:///path, unix:/path, /path or tcp://host:port"

// MaxPath limits the bytes of a socket's path: the address ends with a zero byte.
const MaxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Endpoint tells where a driver listens.
type Endpoint struct {
	Network string // Unix or TCP
	Address string // an absolute path, or host:port
}

// Socket returns the endpoint of a socket's absolute path.
func Socket(path string) Endpoint { return Endpoint{Network: Unix, Address: path} }

func (e Endpoint) String() string { return e.Network + "://" + e.Address }

// shown matches what has the form of an address or a path, without user, query or anything else that may hold a secret.
var shown = regexp.MustCompile(`^([A-Za-z-]{1,13}:[A-Za-z0-9._/:\[\]-]{0,128}|\.{0,2}/[A-Za-z0-9._/:-]{0,128}|` +
	`([a-z0-9._-]{1,20}/){0,4}[a-z0-9._-]{1,20}\.sock)$`)

// Kind reads the setting.
func Kind() setting.Kind[Endpoint] { return setting.Kind[Endpoint]{Parse: Parse, Shown: shown} }

// Parse reads an endpoint in one of the accepted forms. Its errors quote nothing of the text.
func Parse(text string) (Endpoint, error) {
	if rest, ok := cutScheme(text, "tcp://"); ok {
		return parseTCP(rest)
	}
	if rest, ok := cutScheme(text, "unix:"); ok {
		return parseUnix(rest)
	}
	if scheme, _, ok := strings.Cut(text, ":"); ok && !strings.Contains(scheme, "/") {
		return Endpoint{}, errors.New("the scheme is not supported; " + want)
	}
	return parsePath(text)
}

// cutScheme returns what follows a scheme, whose case has no meaning.
func cutScheme(text, scheme string) (rest string, found bool) {
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return text, false
	}
	return text[len(scheme):], true
}

// parseUnix reads what follows "unix:".
func parseUnix(rest string) (Endpoint, error) {
	if strings.ContainsAny(rest, "%?#") {
		return Endpoint{}, errors.New("%, ? and # mean something else to gRPC clients; want a path without them")
	}
	path, slashes := strings.CutPrefix(rest, "//")
	if slashes && !strings.HasPrefix(path, "/") && strings.Contains(path, "/") {
		return Endpoint{}, errors.New("a host stands before the path; " + want)
	}
	return parsePath(path)
}

func parsePath(path string) (Endpoint, error) {
	switch {
	case !filepath.IsAbs(path):
		return Endpoint{}, errors.New("the path is not absolute; " + want)
	case slices.Contains([]string{"", ".", ".."}, path[strings.LastIndex(path, "/")+1:]):
		return Endpoint{}, errors.New("the path names a folder; want the path of a socket in it")
	case strings.ContainsRune(path, 0):
		return Endpoint{}, errors.New("the path contains a zero byte; want a path without one")
	case len(path) > MaxPath:
		return Endpoint{}, fmt.Errorf("the path has %d bytes; want %d at most, the limit of a socket's path", len(path), MaxPath)
	}
	return Endpoint{Network: Unix, Address: clean(path)}, nil
}

// clean keeps the path of a folder's parent as it is: behind a symbolic link the system finds another folder than the text
// tells, and so do clients.
func clean(path string) string {
	if slices.Contains(strings.Split(path, "/"), "..") {
		return path
	}
	return filepath.Clean(path)
}

// hostName matches names that a resolver may know. A user before a host, or a path behind it, is no part of a name.
var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)

func parseTCP(address string) (Endpoint, error) {
	host, port, err := net.SplitHostPort(address)
	if fault, ok := errors.AsType[*net.AddrError](err); ok {
		return Endpoint{}, fmt.Errorf("%s; %s", fault.Err, want) // the error itself quotes the address
	}
	if addr, err := netip.ParseAddr(host); !hostName.MatchString(addr.Zone()) || err != nil && !hostName.MatchString(host) {
		return Endpoint{}, errors.New("the host is neither a name nor an IP address; " + want)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return Endpoint{}, errors.New("the port is not valid; want a number from 0 to 65535")
	}
	return Endpoint{Network: TCP, Address: address}, nil
}

// Loopback reports whether only this machine can reach the endpoint, as far as its text tells: a Unix socket, an address
// such as 127.0.0.1 or [::1], or localhost.
func (e Endpoint) Loopback() bool {
	if e.Network == Unix {
		return true
	}
	host, _, _ := net.SplitHostPort(e.Address)
	addr, _ := netip.ParseAddr(host) // a name's is zero, which is no loopback
	return host == "localhost" || addr.IsLoopback()
}

// AnyPort reports whether the endpoint lets the driver choose a port, so that nobody can dial it by its text.
func (e Endpoint) AnyPort() bool {
	_, port, _ := net.SplitHostPort(e.Address)
	return e.Network == TCP && port == "0"
}

// DialContext connects to the endpoint.
func (e Endpoint) DialContext(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, e.Network, e.Address)
}

// Dial returns a gRPC client of the endpoint, which resolves no name and uses no proxy. It sends its calls in the clear
// unless an option says otherwise; a dialer among the options is given a name, not the endpoint. On a Unix socket the server's
// name is localhost: some servers refuse a path there.
func (e Endpoint) Dial(options ...grpc.DialOption) (*grpc.ClientConn, error) {
	name := e.Address
	if e.Network == Unix {
		name = "localhost"
	}
	own := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return e.DialContext(ctx) }),
	}
	return grpc.NewClient("passthrough:///"+name, append(own, options...)...)
}
