// Command dev is the S3 driver with a store inside, for trying: one command, no server. The store is versitygw; it ends
// with the driver.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

func main() {
	healthcheck := flag.Bool("healthcheck", false, "ask the running driver whether it serves, and exit")
	folder := flag.String("dir", "", "`folder` of the store's data, which stays; by default a temporary one, which does not")
	flag.Parse()
	log := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once; the next start reclaims the socket

	run := func(ctx context.Context) error { return serve(ctx, log, *folder) }
	if *healthcheck {
		run = func(ctx context.Context) error { return gocosi.Probe(ctx) }
	}
	if err := run(ctx); err != nil {
		log.Error(err, "failed")
		os.Exit(1)
	}
}

// serve runs the store, and the driver on it, until ctx ends.
func serve(ctx context.Context, log logr.Logger, folder string) error {
	if folder != "" {
		return serveIn(ctx, log, folder)
	}
	folder, err := os.MkdirTemp("", "cosi-s3-")
	if err != nil {
		return err
	}
	log.Info("buckets are kept in a temporary folder and are lost when the driver ends; -dir keeps them")
	return errors.Join(serveIn(ctx, log, folder), os.RemoveAll(folder))
}

func serveIn(ctx context.Context, log logr.Logger, folder string) (err error) {
	sealer, err := sealerIn(folder)
	if err != nil {
		return err
	}
	store, err := gateway.Start(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Stop()) }()
	log.Info("the embedded store serves", "endpoint", store.Endpoint, "iamEndpoint", store.IAMEndpoint, "folder", folder)
	d, err := driver.New(settings(store.Store, sealer), gocosi.WithLogger(log))
	if err != nil {
		return err
	}
	return d.Run(ctx)
}

func settings(store gateway.Store, sealer *driver.Sealer) driver.Settings {
	return driver.Settings{
		Endpoint: store.Endpoint, IAMEndpoint: store.IAMEndpoint, ClientEndpoint: store.Endpoint, Region: store.Region,
		AccessKey: store.AccessKey, SecretKey: store.SecretKey, Owner: driver.Name, Sealer: sealer,
	}
}
