package address_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// serve starts a server that answers every call with the name by which it was called, and returns its address.
func serve(t *testing.T, network, addr string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		md, _ := metadata.FromIncomingContext(stream.Context())
		return stream.SendMsg(wrapperspb.String(md.Get(":authority")[0]))
	}))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// checkName calls the server of an endpoint and checks the name by which it was called.
func checkName(t *testing.T, want string, e address.Endpoint, options ...grpc.DialOption) {
	t.Helper()
	client, err := e.Dial(options...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var answer wrapperspb.StringValue
	if err := client.Invoke(t.Context(), "/any.Service/Any", new(emptypb.Empty), &answer); err != nil {
		t.Fatal(err)
	}
	if got := answer.GetValue(); got != want {
		t.Errorf("the server is called %q, want %q", got, want)
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	dir, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := address.Socket(serve(t, "unix", filepath.Join(dir, "cosi.sock")))
	tcp := address.Endpoint{Network: address.TCP, Address: serve(t, "tcp", "127.0.0.1:0")}
	unresolvable := address.Endpoint{Network: address.TCP, Address: "cosi.invalid:9000"}
	for name, row := range map[string]struct {
		endpoint address.Endpoint
		want     string // the server's name, and what a dialer of the caller's is given
	}{
		"a Unix socket":              {socket, "localhost"},
		"TCP":                        {tcp, tcp.Address},
		"a name that does not exist": {unresolvable, unresolvable.Address},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if row.endpoint != unresolvable {
				checkName(t, row.want, row.endpoint)
			}
			checkName(t, row.want, row.endpoint, grpc.WithContextDialer(func(ctx context.Context, name string) (net.Conn, error) {
				if name != row.want {
					t.Errorf("the dialer is given %q, want %q", name, row.want)
				}
				return socket.DialContext(ctx)
			}))
		})
	}
}
