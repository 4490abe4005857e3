// Command demo scaffolds a driver, builds it, starts it on a socket in a temporary folder, takes a bucket through its
// life over that socket the way the sidecar does, and holds the driver against the specification. It prints a line for
// each step and fails on the first surprise.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// timeLimit is for the whole demo, most of which is compiling.
const timeLimit = 10 * time.Minute

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	err := run(ctx)
	stop()
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "cosi")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "run") // the socket's own: nothing may lie beside it
	d := &driver{binary: filepath.Join(dir, "driver"), socket: filepath.Join(folder, "cosi.sock")}
	ctl := client{binary: filepath.Join(dir, "cosictl"), endpoint: "unix://" + d.socket}
	if err := build(ctx, dir, d.binary, ctl.binary); err != nil {
		return err
	}
	defer d.kill()
	if err := d.start(ctx); err != nil {
		return err
	}
	say("start", "serving on unix://%s", d.socket)
	if err := life(ctx, ctl); err != nil {
		return err
	}
	return endings(ctx, d, ctl)
}

// build scaffolds a module and builds the driver in it, and cosictl.
func build(ctx context.Context, dir, driver, cosictl string) error {
	module := filepath.Join(dir, "cosi-osp")
	if err := command(ctx, ".", "go", "run", "./cmd/bootstrap", "-module", "example.com/cosi-osp", "-dir", module); err != nil {
		return err
	}
	say("scaffold", "%s", module)
	if err := command(ctx, module, "go", "build", "-o", driver, "."); err != nil {
		return err
	}
	say("build", "%s", driver)
	return command(ctx, ".", "go", "build", "-o", cosictl, "./cmd/cosictl")
}

// life is a bucket's, from the first call to the last, each one repeated as the sidecar may repeat it.
func life(ctx context.Context, ctl client) error {
	const bucket, account = "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11", "ba-0f4e8f52-3c0b-4a3c-8d0a-5a2b7c9d1e33"
	if err := ctl.do(ctx, "info"); err != nil {
		return err
	}
	// The scaffold's ids are the names that the sidecar gives.
	for _, args := range [][]string{
		{"create", bucket}, {"grant", bucket, account}, {"revoke", bucket, account}, {"delete", bucket},
	} {
		if err := ctl.twice(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// endings kills the driver, starts it again on the path that it left behind, checks it, and stops it properly.
func endings(ctx context.Context, d *driver, ctl client) error {
	d.kill()
	if _, err := os.Lstat(d.socket); err != nil {
		return fmt.Errorf("the killed driver left no socket behind: %w", err)
	}
	say("SIGKILL", "the dead socket is still there")
	if err := d.start(ctx); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	say("restart", "serving on the same path")
	if err := ctl.check(ctx); err != nil {
		return err
	}
	if err := d.terminate(ctx); err != nil {
		return fmt.Errorf("SIGTERM: %w", err)
	}
	if _, err := os.Lstat(d.socket); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the driver ended and left its socket behind (%w)", err)
	}
	say("SIGTERM", "exit code 0, the socket is gone")
	return nil
}

func say(step, format string, args ...any) {
	fmt.Printf("%-13s %s\n", step, fmt.Sprintf(format, args...)) //nolint:forbidigo // this is what the command is for
}
