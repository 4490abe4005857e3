//go:build !unix

package socket

import (
	"context"
	"fmt"
	"net"
	"runtime"
)

// Listen refuses every path: this system has no modes and owners of sockets.
func Listen(_ context.Context, path string, _ Perms) (net.Listener, error) {
	return nil, unsupported(path)
}

// PermsAt refuses every path: this system has no modes and owners of sockets.
func PermsAt(path string) (Perms, error) { return Perms{}, unsupported(path) }

// Warnings knows nothing of this system's folders.
func Warnings(string) []string { return nil }

func unsupported(path string) error {
	return fmt.Errorf("the socket %s cannot have permissions on %s; want tcp://127.0.0.1:port", path, runtime.GOOS)
}
