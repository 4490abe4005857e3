// Command memory is the smallest real COSI driver: its buckets live in memory and are lost when it ends. It shows what
// an author writes, and what gocosi adds.
package main

import (
	"context"
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
	if slices.Contains(os.Args[1:], "-healthcheck") {
		return gocosi.Probe(ctx)
	}
	log.Info("buckets are kept in memory and are lost when the driver ends")
	driver, err := gocosi.New(gocosi.NewIdentity("memory.example.com"), newProvisioner(), gocosi.WithLogger(log))
	if err != nil {
		return err
	}
	return driver.Run(ctx)
}
