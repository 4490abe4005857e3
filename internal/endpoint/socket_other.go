//go:build !unix

package endpoint

import (
	"context"
	"fmt"
	"net"
	"runtime"
)

// listenUnix refuses: modes and owners of a socket cannot be honoured here.
func listenUnix(_ context.Context, path string, _ Perms) (net.Listener, error) {
	return nil, fmt.Errorf("the permissions of the socket %s cannot be honoured on %s; use tcp://127.0.0.1:port", path, runtime.GOOS)
}
