// Package address reads the text forms of an endpoint and dials it.
package address

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

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
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

// Parse reads an endpoint in one of the accepted forms.
func Parse(text string) (Endpoint, error) {
	if rest, ok := strings.CutPrefix(text, "tcp://"); ok {
		return parseTCP(rest)
	}
	if rest, ok := strings.CutPrefix(text, "unix:"); ok {
		return parseUnix(rest)
	}
	if scheme, _, ok := strings.Cut(text, ":"); ok && !strings.Contains(scheme, "/") {
		return Endpoint{}, fmt.Errorf("scheme %q is not supported; %s", scheme, want)
	}
	return parsePath(text)
}

// parseUnix reads what follows "unix:".
func parseUnix(rest string) (Endpoint, error) {
	if strings.ContainsAny(rest, "%?#") {
		return Endpoint{}, errors.New("%, ? and # mean something else to gRPC clients; want a path without them")
	}
	path, slashes := strings.CutPrefix(rest, "//")
	if slashes && !strings.HasPrefix(path, "/") && strings.Contains(path, "/") {
		return Endpoint{}, fmt.Errorf("a host stands before the path; %s", want)
	}
	return parsePath(path)
}

func parsePath(path string) (Endpoint, error) {
	switch {
	case !filepath.IsAbs(path):
		return Endpoint{}, fmt.Errorf("path %q is not absolute; %s", path, want)
	case slices.Contains([]string{"", ".", ".."}, path[strings.LastIndex(path, "/")+1:]):
		return Endpoint{}, fmt.Errorf("path %q names a folder; want the path of a socket in it", path)
	case strings.ContainsRune(path, 0):
		return Endpoint{}, errors.New("path contains a zero byte; want a path without one")
	case len(path) > MaxPath:
		return Endpoint{}, fmt.Errorf("path has %d bytes; want %d at most, the limit of a socket's path", len(path), MaxPath)
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

func parseTCP(address string) (Endpoint, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return Endpoint{}, fmt.Errorf("%w; %s", err, want)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return Endpoint{}, fmt.Errorf("port %q is not valid; want a number from 0 to 65535", port)
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
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
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
