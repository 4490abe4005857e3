// Command driver serves the canned driver as gocosi does by default.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/tools/bench/canned"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	driver, err := gocosi.New(gocosi.NewIdentity(canned.Name), &canned.Provisioner{})
	if err == nil {
		err = driver.Run(ctx)
	}
	stop()
	if err != nil {
		slog.Error("failed", "error", err)
		os.Exit(1)
	}
}
