package main

import (
	"context"
	"errors"

	"github.com/doomshrine/gocosi/internal/tools/demo/actors"
)

// life is that of two buckets with an access each. The class of the first one lets it be deleted with its objects.
type life struct {
	driver        *actors.Driver
	ctl           actors.Client
	first, second *access
}

func newLife(driver *actors.Driver, ctl actors.Client) *life {
	return &life{
		driver: driver, ctl: ctl,
		first:  &access{bucket: "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11", account: "ba-0f4e8f52-3c0b-4a3c-8d0a-5a2b7c9d1e33"},
		second: &access{bucket: "bucket-f1d3a6b0-27c5-4e83-8b9d-3c5e7a9f1d24", account: "ba-a94c2e71-5d60-4b7f-9f12-6e8d0c4b3a57"},
	}
}

// emptyOnDelete is what the first bucket's class says.
const emptyOnDelete = "emptyOnDelete=true"

// live goes from the first call to the last, and repeats what the sidecar may repeat.
func (l *life) live(ctx context.Context) error {
	for _, step := range []func(context.Context) error{l.create, l.grant, l.use, l.crash, l.revoke, l.delete} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *life) create(ctx context.Context) error {
	if err := l.ctl.Do(ctx, "info"); err != nil {
		return err
	}
	return l.twice(ctx, []string{"create", l.first.bucket, "-p", emptyOnDelete}, []string{"create", l.second.bucket})
}

func (l *life) grant(ctx context.Context) error {
	for _, a := range []*access{l.first, l.second} {
		answer, err := l.ctl.Twice(ctx, "grant", a.bucket, a.account)
		if err != nil {
			return err
		}
		if a.granted, err = readGranted(answer); err != nil {
			return err
		}
	}
	return nil
}

// use shows that either key reaches its own bucket, and the other one not.
func (l *life) use(ctx context.Context) error {
	return errors.Join(
		l.first.works(ctx, l.first), l.second.works(ctx, l.second),
		l.first.denied(ctx, l.second), l.second.denied(ctx, l.first),
	)
}

// crash kills the driver, and the store with it, which comes back on another port. Whoever is granted access has the same
// keys as before.
func (l *life) crash(ctx context.Context) error {
	if err := l.driver.Restart(ctx); err != nil {
		return err
	}
	before := *l.first.granted
	if err := l.grant(ctx); err != nil {
		return err
	}
	if l.first.granted.keys() != before.keys() {
		return errors.New("a grant after the restart returned other keys")
	}
	actors.Say("keys", "the same as before, kept sealed in the store")
	return l.use(ctx)
}

// revoke takes the first access away: its key opens nothing any more, and the other one still does.
func (l *life) revoke(ctx context.Context) error {
	if err := l.twice(ctx, []string{"revoke", l.first.bucket, l.first.account}); err != nil {
		return err
	}
	return errors.Join(
		l.first.denied(ctx, l.first), l.first.denied(ctx, l.second),
		l.second.works(ctx, l.second),
	)
}

// delete shows that objects are deleted with their bucket only where the class says so.
func (l *life) delete(ctx context.Context) error {
	if err := l.ctl.Refused(ctx, "FAILED_PRECONDITION", "delete", l.second.bucket); err != nil {
		return err
	}
	if err := l.second.empty(ctx); err != nil {
		return err
	}
	if err := l.twice(ctx,
		[]string{"revoke", l.second.bucket, l.second.account},
		[]string{"delete", l.second.bucket},
		[]string{"delete", l.first.bucket, "-p", emptyOnDelete},
	); err != nil {
		return err
	}
	return l.ctl.Refused(ctx, "NOT_FOUND", "grant", l.first.bucket, l.first.account)
}

func (l *life) twice(ctx context.Context, calls ...[]string) error {
	for _, args := range calls {
		if _, err := l.ctl.Twice(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
