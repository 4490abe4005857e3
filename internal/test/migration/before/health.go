package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

func serveHealth(ctx context.Context, address string) (*http.Server, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() {
		if err := server.Serve(listener); err != nil {
			slog.Error("health server ended", "error", err)
		}
	}()
	return server, nil
}
