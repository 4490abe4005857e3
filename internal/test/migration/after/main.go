// Command after runs the driver of the folder before on gocosi.
package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/migration/after/provisioner"
	"github.com/doomshrine/gocosi/internal/test/migration/store"
)

func main() {
	log := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, log); err != nil {
		log.Error(err, "failed")
		os.Exit(1)
	}
}

func run(ctx context.Context, log logr.Logger) error {
	if slices.Contains(os.Args[1:], "-healthcheck") {
		return gocosi.Probe(ctx)
	}
	folder := os.Getenv("STORE_FOLDER")
	if folder == "" {
		return errors.New("STORE_FOLDER is required")
	}
	backend, err := store.New(folder)
	if err != nil {
		return err
	}
	driver, err := gocosi.New(gocosi.NewIdentity("files.example.com"), &provisioner.Server{
		Store:    backend,
		Endpoint: cmp.Or(os.Getenv("STORE_ENDPOINT"), "https://files.example.com"),
		AdminURL: os.Getenv("STORE_ADMIN_URL"),
	}, gocosi.WithLogger(log))
	if err != nil {
		return err
	}
	return driver.Run(ctx)
}
