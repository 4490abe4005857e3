// Command release makes everything that a release publishes, into a folder, and publishes nothing: archives of the programs, their
// SBOMs, checksums, cosictl's image as an OCI layout, and the notes. It needs Go's module cache, git, and no container engine.
//
//	release -version v0.4.0 -folder dist
//	release -version v0.4.0 -folder dist -tagged
//
// The second form is the workflow's: the tag must exist, and the changelog must have its date. Both forms make the same bytes of one
// commit and one release of Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// run reads the flags, checks everything before it builds, and reports to out.
func run(ctx context.Context, args []string, out io.Writer) error {
	set := flag.NewFlagSet("release", flag.ContinueOnError)
	version := set.String("version", "", "`version` of the release, such as v0.4.0")
	target := set.String("folder", "", "`folder` to write, which must be empty, missing, or an earlier run's")
	tagged := set.Bool("tagged", false, "expect the tag at this commit, and a date in the changelog")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *target == "" || set.NArg() > 0 {
		return fmt.Errorf("-folder is %q, arguments are %q; want a folder and no arguments", *target, set.Args())
	}
	root, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	r, err := check(ctx, root, *version, *tagged)
	if err != nil {
		return err
	}
	return r.write(ctx, *target, out)
}

// release holds what is known before anything is built.
type release struct {
	root, version, commit string
	seconds               int64 // time of the commit
	notes                 section
	api                   difference
}

// write makes the release in a folder of its own, and puts that in the target's place.
func (r *release) write(ctx context.Context, target string, out io.Writer) error {
	if err := replaceable(target); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	made := target + ".new"
	if err := errors.Join(os.RemoveAll(made), os.MkdirAll(filepath.Join(made, assets), 0o755)); err != nil {
		return err
	}
	fmt.Fprintf(out, "building %s of commit %s for %d platforms: some minutes where nothing is compiled yet\n", r.version, r.commit, len(platforms()))
	if err := r.fill(ctx, scratch, made); err != nil {
		return errors.Join(err, os.RemoveAll(made))
	}
	if err := errors.Join(os.RemoveAll(target), os.Rename(made, target)); err != nil {
		return err
	}
	return r.report(target, out)
}

// fill writes each part of the release.
func (r *release) fill(ctx context.Context, scratch, made string) error {
	checkout := filepath.Join(scratch, "checkout")
	if err := r.clone(ctx, checkout); err != nil {
		return err
	}
	if err := r.build(ctx, checkout, scratch); err != nil {
		return err
	}
	if err := r.pack(checkout, scratch, filepath.Join(made, assets)); err != nil {
		return err
	}
	if err := r.describe(ctx, scratch, filepath.Join(made, assets)); err != nil {
		return err
	}
	if err := sum(filepath.Join(made, assets)); err != nil {
		return err
	}
	if err := r.image(scratch, filepath.Join(made, layoutName)); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(made, notesName), []byte(r.notes.text), 0o600),
		os.WriteFile(filepath.Join(made, apiName), []byte(r.api.String()), 0o600),
	)
}

// The names in the folder of a release.
const (
	assets     = "assets" // becomes the files of the release
	layoutName = "image"
	notesName  = "notes.md"
	apiName    = "api.txt"
	sumsName   = "checksums.txt"
)

// replaceable refuses a folder that holds anything but an earlier run's release.
func replaceable(target string) error {
	found, err := os.ReadDir(target)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(found) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(target, assets, sumsName)); err != nil {
		return fmt.Errorf("%s holds %q and no release; want an empty folder, or one that does not exist", target, found[0].Name())
	}
	return nil
}
