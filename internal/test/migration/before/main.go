// Command before runs a COSI driver on plain gRPC, with hand-written code around its handlers. Its faults are
// deliberate: several public drivers have each of them. docs/migrating.md lists them.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/migration/before/provisioner"
	"github.com/doomshrine/gocosi/internal/test/migration/store"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := <-signals
		slog.Info("signal received", "signal", s.String())
		cancel()
	}()
	if err := run(ctx); err != nil {
		slog.Error("driver failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := configFromEnv()
	if err != nil {
		return err
	}
	backend, err := store.New(cfg.folder)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	tracing, err := newTracing(ctx, cfg)
	if err != nil {
		return fmt.Errorf("start tracing: %w", err)
	}
	listener, err := listen(ctx, cfg)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	health, err := serveHealth(ctx, cfg.healthAddress)
	if err != nil {
		return fmt.Errorf("serve health: %w", err)
	}
	defer func() { _ = health.Close() }()

	server := grpc.NewServer(
		grpc.StatsHandler(tracing),
		grpc.ChainUnaryInterceptor(logCalls, recoverPanics),
	)
	cosi.RegisterIdentityServer(server, &identity{name: cfg.driverName})
	cosi.RegisterProvisionerServer(server, &provisioner.Server{
		Store:    backend,
		Endpoint: cfg.storeEndpoint,
		AdminURL: cfg.adminURL,
	})
	go func() {
		<-ctx.Done()
		slog.Info("stopping")
		server.GracefulStop()
	}()
	slog.Info("serving", "endpoint", cfg.endpoint, "driver", cfg.driverName)
	return server.Serve(listener)
}
