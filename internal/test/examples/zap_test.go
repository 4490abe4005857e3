package examples_test

import (
	"fmt"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// This example shows zap as the driver's logger: zapr turns it into a logr.Logger. V(1) of logr is zap's debug level.
func Example_zap() {
	core, seen := observer.New(zap.DebugLevel) // yours: zap.NewProduction()
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &harness.Handlers{},
		gocosi.WithLogger(zapr.NewLogger(zap.New(core))), gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := harness.CreateOnce(driver, "photos"); err != nil {
		fmt.Println(err)
	}
	for _, line := range seen.All() {
		fmt.Println(line.Level, line.Message)
	}
	// Output:
	// info driver listening
	// info call done
	// info stopping
}
