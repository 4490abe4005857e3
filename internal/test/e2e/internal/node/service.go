package node

import (
	"context"
	"io"
	"net"
	"os/exec"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/controlplane"
)

// forward stands for kube-proxy: it gives the API server its address in the cluster, and forwards connections to it. It
// ends with ctx.
func forward(ctx context.Context, apiServer string) error {
	if err := exec.CommandContext(ctx, "ip", "address", "add", controlplane.ServiceAddress+"/32", "dev", "lo").Run(); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", controlplane.ServiceAddress+":443")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go connect(ctx, client, apiServer)
		}
	}()
	return nil
}

// connect copies between a client and a server until both have ended, or ctx has.
func connect(ctx context.Context, client net.Conn, address string) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client)
		closeWrite(server)
	}()
	_, _ = io.Copy(client, server)
	closeWrite(client)
	<-done
}

// closeWrite tells the other side that nothing more comes.
func closeWrite(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}
