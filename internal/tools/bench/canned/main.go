package canned

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a server until the process receives SIGTERM, and exits with code 1 when the server fails.
func Main(run func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		slog.Error("failed", "error", err)
		os.Exit(1)
	}
}
