// Command faultdriver runs a COSI driver that misbehaves as a script says. Without a script it follows every rule. Its
// store is a file.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	log := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	if err := run(ctx, log); err != nil {
		log.Error(err, "failed")
		os.Exit(1)
	}
}

func run(ctx context.Context, log logr.Logger) error {
	script, calls := os.Getenv(fault.EnvFaults), &fault.CallLog{Path: os.Getenv(fault.EnvCalls)}
	p := &faulty{works: &provisioner{store: fault.Store{Path: os.Getenv(fault.EnvStore)}}, script: script, calls: calls}
	options := []gocosi.Option{gocosi.WithLogger(log), gocosi.WithInterceptors(misbehaveInfo(script, calls))}
	if os.Getenv(fault.EnvNoTranslation) == "true" {
		options = append(options, gocosi.WithoutErrorTranslation())
	}
	driver, err := gocosi.New(gocosi.NewIdentity("fault.example.com"), p, options...)
	if err != nil {
		return err
	}
	return driver.Run(ctx)
}
