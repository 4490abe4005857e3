// Command demo scaffolds a driver, builds it, starts it on a socket in a temporary folder, takes a bucket through its
// life over that socket as the sidecar does, and checks the driver against the specification. It prints a line for each
// step and stops at the first failure.
package main

import (
	"context"
	"path/filepath"

	"github.com/doomshrine/gocosi/internal/tools/demo/actors"
)

func main() { actors.Main(run) }

func run(ctx context.Context, dir, sockets string) error {
	d := &actors.Driver{Binary: filepath.Join(dir, "driver"), Socket: filepath.Join(sockets, "cosi.sock")}
	ctl := actors.Client{Binary: filepath.Join(dir, "cosictl"), Endpoint: d.Endpoint()}
	if err := build(ctx, dir, d.Binary, ctl.Binary); err != nil {
		return err
	}
	defer d.Kill()
	if err := d.Start(ctx); err != nil {
		return err
	}
	actors.Say("start", "serving on %s", d.Endpoint())
	if err := life(ctx, ctl); err != nil {
		return err
	}
	return endings(ctx, d, ctl)
}

// build builds the driver of a new scaffold, and cosictl.
func build(ctx context.Context, dir, driver, cosictl string) error {
	module := filepath.Join(dir, "cosi-osp")
	if err := scaffold(ctx, module); err != nil {
		return err
	}
	if err := actors.Build(ctx, module, "go", "build", "-o", driver, "."); err != nil {
		return err
	}
	actors.Say("build", "%s", driver)
	return actors.Build(ctx, ".", "go", "build", "-o", cosictl, "./cmd/cosictl")
}

func scaffold(ctx context.Context, module string) error {
	err := actors.Build(ctx, ".", "go", "run", "./cmd/bootstrap", "-module", "example.com/cosi-osp", "-dir", module)
	if err == nil {
		actors.Say("scaffold", "%s", module)
	}
	return err
}

// life takes a bucket through its life, and repeats each call as the sidecar may repeat it.
func life(ctx context.Context, ctl actors.Client) error {
	// The scaffold returns the sidecar's names as IDs.
	const bucket, account = "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11", "ba-0f4e8f52-3c0b-4a3c-8d0a-5a2b7c9d1e33"
	if err := ctl.Do(ctx, "info"); err != nil {
		return err
	}
	return twiceEach(ctx, ctl, []string{"create", bucket}, []string{"grant", bucket, account},
		[]string{"revoke", bucket, account}, []string{"delete", bucket})
}

func twiceEach(ctx context.Context, ctl actors.Client, calls ...[]string) error {
	for _, args := range calls {
		if _, err := ctl.Twice(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// endings kills the driver, starts it again, checks it, and terminates it.
func endings(ctx context.Context, d *actors.Driver, ctl actors.Client) error {
	if err := d.Restart(ctx); err != nil {
		return err
	}
	if err := ctl.Check(ctx); err != nil {
		return err
	}
	return d.Terminate(ctx)
}
