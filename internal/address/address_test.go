package address_test

import (
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/doomshrine/gocosi/internal/address"
)

// maxPath is the length of the longest path of a socket: the system's field without the zero byte at the end.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

func TestLongestPath(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "linux" && maxPath != 107 {
		t.Fatalf("the longest path has %d bytes; want 107", maxPath)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("p", maxPath-1)
	for name, row := range map[string]struct{ text, want string }{
		"two slashes and a path":   {"unix:///var/lib/cosi/cosi.sock", "unix:///var/lib/cosi/cosi.sock"},
		"no slashes and a path":    {"unix:/var/lib/cosi/cosi.sock", "unix:///var/lib/cosi/cosi.sock"},
		"a path alone":             {"/var/lib/cosi/cosi.sock", "unix:///var/lib/cosi/cosi.sock"},
		"a path to be cleaned":     {"unix:///var//lib/./cosi.sock", "unix:///var/lib/cosi.sock"},
		"a folder's parent":        {"unix:///var/lib/x/../cosi.sock", "unix:///var/lib/x/../cosi.sock"}, // x may be a link
		"a colon in the path":      {"/var/a:b.sock", "unix:///var/a:b.sock"},
		"the longest path":         {long, "unix://" + long},
		"the longest path, scheme": {"unix://" + long, "unix://" + long},
		"IPv4":                     {"tcp://127.0.0.1:9000", "tcp://127.0.0.1:9000"},
		"IPv6":                     {"tcp://[::1]:9000", "tcp://[::1]:9000"},
		"localhost":                {"tcp://localhost:9000", "tcp://localhost:9000"},
		"any free port":            {"tcp://127.0.0.1:0", "tcp://127.0.0.1:0"},
		"the highest port":         {"tcp://127.0.0.1:65535", "tcp://127.0.0.1:65535"},
		"no host":                  {"tcp://:9000", "tcp://:9000"},
		"a name with _ and -":      {"tcp://my_driver-0.cosi:9000", "tcp://my_driver-0.cosi:9000"},
		"a zone":                   {"tcp://[fe80::1%eth0]:1", "tcp://[fe80::1%eth0]:1"},
		"scheme in upper case":     {"UNIX:///Cosi.sock", "unix:///Cosi.sock"},
		"scheme in mixed case":     {"Unix:/cosi.sock", "unix:///cosi.sock"},
		"TCP in upper case":        {"TCP://127.0.0.1:9000", "tcp://127.0.0.1:9000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := address.Parse(row.text)
			if err != nil || e.String() != row.want {
				t.Fatalf("Parse(%q) = %v, %v; want %v", row.text, e, err, row.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("p", maxPath)
	tooLong := fmt.Sprintf("%d bytes; want %d at most", maxPath+1, maxPath)
	for name, row := range map[string]struct{ text, reason string }{
		"nothing":                {"", "not absolute"},
		"a relative path":        {"cosi.sock", "not absolute"},
		"relative, with a dot":   {"./cosi.sock", "not absolute"},
		"relative, with scheme":  {"unix:cosi.sock", "not absolute"},
		"relative, two slashes":  {"unix://cosi.sock", "not absolute"},
		"relative, in a folder":  {"unix:var/cosi.sock", "not absolute"},
		"a host":                 {"unix://host/cosi.sock", "a host stands before the path"},
		"scheme alone":           {"unix://", "not absolute"},
		"the root":               {"/", "names a folder"},
		"a folder":               {"unix:///var/lib/", "names a folder"},
		"a folder by a dot":      {"/var/lib/.", "names a folder"},
		"a folder by two dots":   {"/var/..", "names a folder"},
		"a path too long":        {long, tooLong},
		"too long, with scheme":  {"unix://" + long, tooLong},
		"a zero byte":            {"/var/a\x00b", "zero byte"},
		"a query":                {"unix:///cosi.sock?a=b", "without them"},
		"a fragment":             {"unix:///cosi.sock#a", "without them"},
		"an escape":              {"unix:///cosi%2esock", "without them"},
		"http":                   {"http://127.0.0.1:80", "scheme is not supported; want unix:///path"},
		"abstract socket":        {"unix-abstract:cosi", "scheme is not supported"},
		"a port alone":           {":9000", "scheme is not supported"},
		"tcp, one slash":         {"tcp:/127.0.0.1:9000", "scheme is not supported"},
		"no port":                {"tcp://127.0.0.1", "missing port"},
		"an empty port":          {"tcp://127.0.0.1:", `port is not valid; want a number from 0 to 65535`},
		"a port too high":        {"tcp://127.0.0.1:65536", "0 to 65535"},
		"a negative port":        {"tcp://127.0.0.1:-1", "0 to 65535"},
		"a port with a sign":     {"tcp://127.0.0.1:+9000", "0 to 65535"},
		"a port with a zero":     {"tcp://127.0.0.1:09000", "0 to 65535"},
		"a port by name":         {"tcp://127.0.0.1:http", "0 to 65535"},
		"a port and a path":      {"tcp://127.0.0.1:9000/x", "0 to 65535"},
		"a user":                 {"tcp://user@127.0.0.1:9000", "neither a name nor an IP address"},
		"a path before the port": {"tcp://127.0.0.1/x:9000", "neither a name nor an IP address"},
		"a query in the host":    {"tcp://a?b:9000", "neither a name nor an IP address"},
		"a host in full width":   {"tcp://１２７.0.0.1:9000", "neither a name nor an IP address"},
		"a zone that is no name": {"tcp://[fe80::1%a@b]:9000", "neither a name nor an IP address"},
		"a port in full width":   {"tcp://127.0.0.1:９０００", "0 to 65535"},
		"IPv6 without brackets":  {"tcp://::1:9000", "too many colons"},
		"IPv6 without a bracket": {"tcp://[::1:9000", "missing ']'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := address.Parse(row.text)
			if err == nil || !strings.Contains(err.Error(), row.reason) {
				t.Fatalf("Parse(%q) = %v, %v; want an error with %q", row.text, e, err, row.reason)
			}
			if e != (address.Endpoint{}) {
				t.Errorf("got the endpoint %v with an error, want none", e)
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"/cosi.sock":                    true,
		"tcp://127.0.0.1:1":             true,
		"tcp://127.1.2.3:1":             true,
		"tcp://[::1]:1":                 true,
		"tcp://[::ffff:127.0.0.1]:1":    true,
		"tcp://localhost:1":             true,
		"tcp://:1":                      false,
		"tcp://0.0.0.0:1":               false,
		"tcp://[::]:1":                  false,
		"tcp://192.0.2.1:1":             false,
		"tcp://[::ffff:192.0.2.1]:1":    false,
		"tcp://[fe80::1%eth0]:1":        false,
		"tcp://s3.example.com:1":        false,
		"tcp://localhost.example.com:1": false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e, err := address.Parse(text)
			if err != nil || e.Loopback() != want {
				t.Fatalf("Loopback = %v, %v; want %v", e.Loopback(), err, want)
			}
		})
	}
}

// TestShown checks which refused texts an error quotes: none that may be a secret.
func TestShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"cosi.sock":                    `V="cosi.sock": `,
		"run/cosi.sock":                `V="run/cosi.sock": `,
		"var/lib/a/cosi.sock":          `V="var/lib/a/cosi.sock": `,
		"./run/cosi":                   `V="./run/cosi": `,
		"run/cosi":                     "V (8 bytes, not shown): ",
		"user@host/cosi.sock":          "V (19 bytes, not shown): ",
		"run/Cosi.sock":                "V (13 bytes, not shown): ",
		"abcdefghijklmnopqrstu/c.sock": "V (28 bytes, not shown): ",
		"kT4/bPxRfiCYEXAMPLEKEY":       "V (22 bytes, not shown): ",
		"a=b/cosi.sock":                "V (13 bytes, not shown): ",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if _, err := address.Kind().Read("V", text); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s…", err, want)
			}
		})
	}
}

// TestDefault holds the place where the sidecar looks.
func TestDefault(t *testing.T) {
	t.Parallel()
	e, err := address.Parse(address.Default)
	if want := address.Socket("/var/lib/cosi/cosi.sock"); err != nil || e != want {
		t.Fatalf("Parse(Default) = %v, %v; want %v", e, err, want)
	}
}

func TestAnyPort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"tcp://127.0.0.1:0":     true,
		"tcp://[::1]:0":         true,
		"tcp://:0":              true,
		"tcp://127.0.0.1:1":     false,
		"tcp://127.0.0.1:10000": false,
		"/cosi:0":               false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e, err := address.Parse(text)
			if err != nil || e.AnyPort() != want {
				t.Fatalf("AnyPort = %t, %v; want %t", e.AnyPort(), err, want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"unix:///var/lib/cosi/cosi.sock", "unix:/a", "/a/../..", "/a/.", "unix://host/a", "unix:", "http://a", "a\x00", "/\x00",
		"tcp://127.0.0.1:0", "tcp://[::1]:65535", "tcp://:1", "tcp://a:b", "tcp://[", "/" + strings.Repeat("p", maxPath),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := address.Parse(text)
		switch {
		case err != nil:
			if e != (address.Endpoint{}) {
				t.Errorf("got the endpoint %v with an error, want none", e)
			}
		case e.Network == address.Unix:
			checkPath(t, e.Address)
		case e.Network == address.TCP:
			checkHostPort(t, e.Address)
		default:
			t.Errorf("network %q", e.Network)
		}
		e.Loopback()
	})
}

func checkPath(t *testing.T, path string) {
	t.Helper()
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
		t.Errorf("%q is not a clean absolute path of a file", path)
	}
	if len(path) > maxPath || strings.ContainsRune(path, 0) {
		t.Errorf("%q is no socket's path", path)
	}
	if again, err := address.Parse(path); err != nil || again.Address != path {
		t.Errorf("%q, read again, is %q, %v", path, again.Address, err)
	}
}

func checkHostPort(t *testing.T, address string) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Errorf("%q is no address: %v", address, err)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		t.Errorf("%q is no port: %v", port, err)
	}
}
