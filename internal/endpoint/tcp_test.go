package endpoint_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/doomshrine/gocosi/internal/endpoint"
)

func TestListenTCP(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		address     string
		offLoopback bool
		refused     bool
	}{
		"loopback":             {"127.0.0.1:0", false, false},
		"localhost":            {"localhost:0", false, false},
		"every address":        {"0.0.0.0:0", false, true},
		"every IPv6 address":   {"[::]:0", false, true},
		"no host":              {":0", false, true},
		"no host, but allowed": {":0", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lis, err := endpoint.Endpoint{Network: endpoint.TCP, Address: row.address}.Listen(t.Context(), endpoint.Perms{}, row.offLoopback)
			if row.refused {
				if !errors.Is(err, endpoint.ErrOffLoopback) {
					t.Fatalf("Listen: %v; want %v", err, endpoint.ErrOffLoopback)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer lis.Close()
			if !row.offLoopback && !lis.Addr().(*net.TCPAddr).IP.IsLoopback() {
				t.Errorf("it listens on %s", lis.Addr())
			}
		})
	}
}

func TestListenTCPHeedsItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lis, err := endpoint.Endpoint{Network: endpoint.TCP, Address: "driver.example.invalid:0"}.Listen(ctx, endpoint.Perms{}, true)
	if err == nil {
		lis.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Listen: %v; want %v", err, context.Canceled)
	}
}
