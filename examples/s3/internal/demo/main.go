// Command demo starts the S3 driver with its embedded store on a socket in a temporary folder, takes two buckets through
// their life over that socket the way the sidecar does, and uses them with a plain S3 client that has what the driver
// granted. It prints a line for each step and fails on the first surprise.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/doomshrine/gocosi/internal/tools/demo/actors"
)

func main() { actors.Main(run) }

func run(ctx context.Context, dir, sockets string) error {
	temporary := filepath.Join(sockets, "tmp") // for what the killed driver leaves behind
	if err := os.Mkdir(temporary, 0o700); err != nil {
		return err
	}
	d := &actors.Driver{
		Binary: filepath.Join(dir, "dev"), Socket: filepath.Join(sockets, "run", "cosi.sock"),
		Args: []string{"-dir", filepath.Join(dir, "store")}, Env: []string{"TMPDIR=" + temporary},
	}
	ctl := actors.Client{Binary: filepath.Join(dir, "cosictl"), Endpoint: d.Endpoint()}
	if err := build(ctx, d.Binary, ctl.Binary); err != nil {
		return err
	}
	defer d.Kill()
	if err := d.Start(ctx); err != nil {
		return err
	}
	actors.Say("start", "serving on %s", d.Endpoint())
	if err := newLife(d, ctl).live(ctx); err != nil {
		return err
	}
	return d.Terminate(ctx)
}

// build builds the driver with its store, and cosictl.
func build(ctx context.Context, dev, cosictl string) error {
	if err := actors.Build(ctx, ".", "go", "build", "-o", dev, "./cmd/dev"); err != nil {
		return err
	}
	actors.Say("build", "%s", dev)
	return actors.Build(ctx, filepath.Join("..", ".."), "go", "build", "-o", cosictl, "./cmd/cosictl")
}
