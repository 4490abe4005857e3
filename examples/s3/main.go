// Command s3 is a COSI driver for stores that speak S3, with users of AWS IAM or of Ceph. It knows them by URL and keys only.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/examples/s3/driver"
)

func main() {
	healthcheck := flag.Bool("healthcheck", false, "ask the running driver whether it serves, and exit")
	reseal := flag.Bool("reseal", false, "seal every kept secret with the first key of S3_SEAL_KEY_FILE, and exit")
	flag.BoolFunc("version", "print the versions of the driver, of gocosi and of Go, and exit", showVersions)
	flag.Parse()
	log, err := newLogger(os.Getenv, os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once; the next start reclaims the socket

	run := choose(*healthcheck, *reseal)
	if err == nil {
		err = run(ctx, log)
	}
	os.Exit(exitCode(log, err))
}

// choose returns what the flags ask for.
func choose(healthcheck, reseal bool) func(context.Context, logr.Logger) error {
	switch {
	case healthcheck:
		return func(ctx context.Context, _ logr.Logger) error { return gocosi.Probe(ctx) }
	case reseal:
		return resealAll
	}
	return serve
}

func serve(ctx context.Context, log logr.Logger) error {
	settings, err := driver.FromEnvironment(os.LookupEnv)
	if err != nil {
		return err
	}
	reader, failed := exportMetrics(ctx, os.Getenv, log)
	d, err := driver.New(settings, gocosi.WithLogger(log), gocosi.WithVersion(version), gocosi.WithMetricReader(reader), gocosi.WithGlobalMeterProvider())
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	return d.Run(ctx)
}

func resealAll(ctx context.Context, log logr.Logger) error {
	settings, err := driver.FromEnvironment(os.LookupEnv)
	if err != nil {
		return err
	}
	count, err := driver.Reseal(ctx, settings)
	if err == nil || count > 0 {
		log.Info("secrets sealed anew", "count", count)
	}
	return err
}
