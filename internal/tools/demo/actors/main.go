package actors

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/doomshrine/gocosi/internal/sockdir"
)

// timeLimit bounds a whole demonstration, including the builds.
const timeLimit = time.Hour

// Main runs a demonstration with two temporary folders. The path of the second one leaves room for a socket's name.
// Main exits with code 1 when the demonstration fails, takes too long, or is interrupted.
func Main(run func(ctx context.Context, dir, sockets string) error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	err := inTemporary(ctx, run)
	stop()
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func inTemporary(ctx context.Context, run func(ctx context.Context, dir, sockets string) error) error {
	dir, err := os.MkdirTemp("", "cosi")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sockets, err := sockdir.Make()
	if err != nil {
		return err
	}
	defer os.RemoveAll(sockets)
	return run(ctx, dir, sockets)
}
