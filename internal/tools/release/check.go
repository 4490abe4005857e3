package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"
)

// check refuses what cannot become a release, with all reasons at once.
func check(ctx context.Context, root, version string, tagged bool) (release, error) {
	switch {
	case version == "":
		return release{}, errors.New("VERSION is missing; want a version such as VERSION=v0.4.0")
	case !semver.IsValid(version) || semver.Canonical(version) != version:
		return release{}, fmt.Errorf("VERSION is %q; want a whole semantic version with a v, such as v0.4.0", version)
	}
	r := release{root: root, version: version}
	problems := []error{r.readCommit(ctx), r.checkTree(ctx), r.checkTag(ctx, tagged), r.readNotes(tagged), r.compareAPI(ctx)}
	return r, errors.Join(problems...)
}

func (r *release) readCommit(ctx context.Context) error {
	text, err := git(ctx, r.root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	commit, seconds, _ := strings.Cut(text, " ")
	r.commit = commit
	r.seconds, err = strconv.ParseInt(seconds, 10, 64)
	return err
}

// checkTree refuses changes that no commit has.
func (r *release) checkTree(ctx context.Context) error {
	changed, err := git(ctx, r.root, "status", "--porcelain")
	if err == nil && changed != "" {
		err = fmt.Errorf("the tree has changes that are not committed; want none:\n%s", changed)
	}
	return err
}

// checkTag expects the tag at this commit, or nowhere.
func (r *release) checkTag(ctx context.Context, tagged bool) error {
	found, err := git(ctx, r.root, "for-each-ref", "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)", "refs/tags/"+r.version)
	switch {
	case err != nil:
		return err
	case tagged && found == "":
		return fmt.Errorf("there is no tag %s; want it at %s", r.version, r.commit)
	case tagged && found != r.commit:
		return fmt.Errorf("tag %s is at %s; want it at %s", r.version, found, r.commit)
	case !tagged && found != "":
		return fmt.Errorf("tag %s exists; want a version that is not released yet", r.version)
	}
	return nil
}

func (r *release) readNotes(tagged bool) error {
	text, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	r.notes, err = findSection(string(text), r.version)
	if err == nil && tagged && !r.notes.dated() {
		err = fmt.Errorf("CHANGELOG.md dates %s %q; want a day such as 2026-11-30", r.version, r.notes.date)
	}
	return err
}

// git returns what a command prints, without the line break at its end.
func git(ctx context.Context, folder string, args ...string) (string, error) {
	var failure bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stderr = folder, &failure
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(failure.Bytes()))
	}
	return strings.TrimRight(string(out), "\n"), nil
}
