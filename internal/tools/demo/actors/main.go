package actors

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// Main runs a demonstration in a temporary folder, and exits with code 1 when it fails, exceeds the limit, or is
// interrupted.
func Main(limit time.Duration, run func(ctx context.Context, dir string) error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	err := inTemporary(ctx, run)
	stop()
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func inTemporary(ctx context.Context, run func(ctx context.Context, dir string) error) error {
	dir, err := os.MkdirTemp("", "cosi")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, dir)
}
