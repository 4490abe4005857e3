package endpoint_test

import (
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/doomshrine/gocosi/internal/endpoint"
)

// maxPath is the longest path of a socket: the system's field for it, less the zero byte at the end.
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
		"a path to be cleaned":     {"unix:///var//lib/./x/../cosi.sock", "unix:///var/lib/cosi.sock"},
		"a colon in the path":      {"/var/a:b.sock", "unix:///var/a:b.sock"},
		"the longest path":         {long, "unix://" + long},
		"the longest path, scheme": {"unix://" + long, "unix://" + long},
		"IPv4":                     {"tcp://127.0.0.1:9000", "tcp://127.0.0.1:9000"},
		"IPv6":                     {"tcp://[::1]:9000", "tcp://[::1]:9000"},
		"localhost":                {"tcp://localhost:9000", "tcp://localhost:9000"},
		"any free port":            {"tcp://127.0.0.1:0", "tcp://127.0.0.1:0"},
		"the highest port":         {"tcp://127.0.0.1:65535", "tcp://127.0.0.1:65535"},
		"no host":                  {"tcp://:9000", "tcp://:9000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := endpoint.Parse(row.text)
			if err != nil || e.String() != row.want {
				t.Fatalf("Parse(%q) = %v, %v; want %v", row.text, e, err, row.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("p", maxPath)
	tooLong := fmt.Sprintf("%d bytes; a socket's path has %d at most", maxPath+1, maxPath)
	for name, row := range map[string]struct{ text, reason string }{
		"nothing":                {"", "not absolute"},
		"a relative path":        {"cosi.sock", "not absolute"},
		"relative, with a dot":   {"./cosi.sock", "not absolute"},
		"relative, with scheme":  {"unix:cosi.sock", "not absolute"},
		"relative, two slashes":  {"unix://cosi.sock", "not absolute"},
		"a host":                 {"unix://host/cosi.sock", "names a host before the path"},
		"scheme alone":           {"unix://", "not absolute"},
		"the root":               {"/", "names a folder"},
		"a folder":               {"unix:///var/lib/", "names a folder"},
		"a folder by a dot":      {"/var/lib/.", "names a folder"},
		"a folder by two dots":   {"/var/..", "names a folder"},
		"a path too long":        {long, tooLong},
		"too long, with scheme":  {"unix://" + long, tooLong},
		"a zero byte":            {"/var/a\x00b", "zero byte"},
		"a query":                {"unix:///cosi.sock?a=b", "one of %, ? and #"},
		"a fragment":             {"unix:///cosi.sock#a", "one of %, ? and #"},
		"an escape":              {"unix:///cosi%2esock", "one of %, ? and #"},
		"http":                   {"http://127.0.0.1:80", `the scheme "http" is not supported; accepted are unix:///path`},
		"upper case scheme":      {"UNIX:///cosi.sock", `the scheme "UNIX" is not supported`},
		"abstract socket":        {"unix-abstract:cosi", `the scheme "unix-abstract" is not supported`},
		"a port alone":           {":9000", `the scheme "" is not supported`},
		"tcp, one slash":         {"tcp:/127.0.0.1:9000", `the scheme "tcp" is not supported`},
		"no port":                {"tcp://127.0.0.1", "missing port"},
		"an empty port":          {"tcp://127.0.0.1:", `the port "" is not a number from 0 to 65535`},
		"a port too high":        {"tcp://127.0.0.1:65536", "0 to 65535"},
		"a negative port":        {"tcp://127.0.0.1:-1", "0 to 65535"},
		"a port with a sign":     {"tcp://127.0.0.1:+9000", "0 to 65535"},
		"a port with a zero":     {"tcp://127.0.0.1:09000", "0 to 65535"},
		"a port by name":         {"tcp://127.0.0.1:http", "0 to 65535"},
		"a port and a path":      {"tcp://127.0.0.1:9000/x", "0 to 65535"},
		"IPv6 without brackets":  {"tcp://::1:9000", "too many colons"},
		"IPv6 without a bracket": {"tcp://[::1:9000", "missing ']'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := endpoint.Parse(row.text)
			if err == nil || !strings.Contains(err.Error(), row.reason) {
				t.Fatalf("Parse(%q) = %v, %v; want an error with %q", row.text, e, err, row.reason)
			}
			if e != (endpoint.Endpoint{}) {
				t.Errorf("an endpoint beside an error: %v", e)
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
			e, err := endpoint.Parse(text)
			if err != nil || e.Loopback() != want {
				t.Fatalf("Loopback = %v, %v; want %v", e.Loopback(), err, want)
			}
		})
	}
}

func TestParsePerms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fs.FileMode{
		"0755": 0o755, "755": 0o755, "0o755": 0o755, "00755": 0o755,
		"0660": 0o660, "660": 0o660, "0o660": 0o660, "0o640": 0o640,
		"0600": 0o600, "0777": 0o777,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if mode, err := endpoint.ParsePerms(text); err != nil || mode != want {
				t.Fatalf("ParsePerms = %04o, %v; want %04o", mode, err, want)
			}
		})
	}
}

func TestParsePermsRefuses(t *testing.T) {
	t.Parallel()
	const form, owner = "octal permission bits such as 0755", "the owner could not use the socket"
	for text, reason := range map[string]string{
		"": form, "rw": form, "rw-rw----": form, "u=rw": form, "-1": form, "+755": form, " 755": form, "755 ": form,
		"07777": form, "1000": form, "01755": form, "99999": form, "0x1ff": form, "0b11": form, "0_660": form, "0O755": form,
		"0o": form, "0o0o755": form, "888": form, "755.0": form, "77777777777777777777777": form,
		"0": owner, "0000": owner, "0477": owner, "0277": owner, "055": owner,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			mode, err := endpoint.ParsePerms(text)
			if err == nil || mode != 0 || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), form) {
				t.Fatalf("ParsePerms = %04o, %v; want an error with %q", mode, err, reason)
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
		e, err := endpoint.Parse(text)
		switch {
		case err != nil:
			if e != (endpoint.Endpoint{}) {
				t.Errorf("an endpoint beside an error: %v", e)
			}
		case e.Network == endpoint.Unix:
			checkPath(t, e.Address)
		case e.Network == endpoint.TCP:
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
	if again, err := endpoint.Parse(path); err != nil || again.Address != path {
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

func FuzzParsePerms(f *testing.F) {
	for _, text := range []string{"0755", "755", "0o640", "0o", "rw", "-1", "07777", "99999", "0x1ff", "0b11", "0_660", "0", "888"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mode, err := endpoint.ParsePerms(text)
		if err != nil {
			if mode != 0 {
				t.Errorf("mode %o beside an error", mode)
			}
			return
		}
		if mode < 0o600 || mode > 0o777 || mode&0o600 != 0o600 {
			t.Errorf("%q is read as %o", text, mode)
		}
		if again, err := endpoint.ParsePerms(fmt.Sprintf("%04o", mode)); err != nil || again != mode {
			t.Errorf("%o, read again, is %o, %v", mode, again, err)
		}
	})
}
