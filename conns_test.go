package gocosi_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/doomshrine/gocosi"
)

// TestConnectionsAreHandedOver expects gRPC to get what the listener accepted: of a wrapped connection it would not know
// how to read only when there is something to read.
func TestConnectionsAreHandedOver(t *testing.T) {
	t.Parallel()
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	lis, _ := gocosi.TrackConns(inner)
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := lis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.(*net.TCPConn); !ok {
		t.Errorf("a %T was handed over", conn)
	}
}

// TestConnectionsAreForgotten lets many come, and then one when the handshakes of all have ended.
func TestConnectionsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := bufconn.Listen(1)
		defer inner.Close()
		lis, remembered := gocosi.TrackConns(inner)
		come := func() {
			go func() { _, _ = inner.Dial() }()
			conn, err := lis.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		}
		const many = 50
		for range many {
			come()
		}
		if n := remembered(); n != many {
			t.Errorf("%d are remembered, want %d", n, many)
		}
		time.Sleep(time.Minute)
		come()
		if n := remembered(); n != 1 {
			t.Errorf("%d are remembered after a minute, want 1", n)
		}
	})
}
