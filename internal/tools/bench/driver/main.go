// Command driver serves the canned driver with gocosi and its defaults.
package main

import (
	"context"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/tools/bench/canned"
)

func main() { canned.Main(run) }

func run(ctx context.Context) error {
	driver, err := gocosi.New(gocosi.NewIdentity(canned.Name), &canned.Provisioner{})
	if err != nil {
		return err
	}
	return driver.Run(ctx)
}
