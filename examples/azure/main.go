// Command azure is a COSI driver for Azure Blob Storage: a bucket is a container, and an access is a stored access policy on it.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi"
)

func main() {
	log, err := newLogger(os.Getenv, os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once; the next start reclaims the socket
	if err == nil {
		err = run(ctx, log)
	}
	os.Exit(exitCode(log, err))
}

func run(ctx context.Context, log logr.Logger) error {
	switch {
	case slices.Contains(os.Args[1:], "-version"):
		return showVersions("")
	case slices.Contains(os.Args[1:], "-healthcheck"):
		return gocosi.Probe(ctx)
	}
	p, err := newProvisioner(os.Getenv)
	if err != nil {
		return err
	}
	reader, failed := exportMetrics(ctx, os.Getenv, log)
	driver, err := gocosi.New(gocosi.NewIdentity(driverName), p, gocosi.WithLogger(log), gocosi.WithVersion(version),
		gocosi.WithReady(p.ready), gocosi.WithMetricReader(reader), gocosi.WithGlobalMeterProvider())
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	return driver.Run(ctx)
}
