package cositest

import (
	"context"
	"fmt"
	"time"
)

// tracedHooks returns the configuration with hooks that are part of a case's story.
func tracedHooks(cfg Config, s *story) Config {
	if access := cfg.Access; access != nil {
		cfg.Access = func(ctx context.Context, use Use) (bool, error) {
			begin := time.Now()
			ok, err := access(ctx, use)
			s.hook("Config.Access", begin, fmt.Sprintf("of %s to bucket %s, want %s", use.access, use.BucketName, use.Expect),
				doneOr(map[bool]string{true: "as wanted", false: "NOT as wanted"}[ok], err))
			return ok, err
		}
	}
	if foreign := cfg.MakeForeignBucket; foreign != nil {
		cfg.MakeForeignBucket = func(ctx context.Context) (Foreign, error) {
			begin := time.Now()
			made, err := foreign(ctx)
			s.hook("Config.MakeForeignBucket", begin, "", doneOr("made "+made.Name, err))
			return tracedForeign(made, s), err
		}
	}
	if count := cfg.CountAccounts; count != nil {
		cfg.CountAccounts = func(ctx context.Context) (int, error) {
			begin := time.Now()
			n, err := count(ctx)
			s.hook("Config.CountAccounts", begin, "", doneOr(fmt.Sprintf("%d accounts", n), err))
			return n, err
		}
	}
	if outage := cfg.Outage; outage != nil {
		cfg.Outage = func(ctx context.Context, away bool) error {
			begin := time.Now()
			err := outage(ctx, away)
			s.hook("Config.Outage", begin, map[bool]string{true: "begin", false: "end"}[away], doneOr("done", err))
			return err
		}
	}
	if restart := cfg.Restart; restart != nil {
		cfg.Restart = func(ctx context.Context) error {
			begin := time.Now()
			err := restart(ctx)
			s.hook("Config.Restart", begin, "", doneOr("done", err))
			return err
		}
	}
	return cfg
}

func tracedForeign(made Foreign, s *story) Foreign {
	if exists := made.Exists; exists != nil {
		made.Exists = func(ctx context.Context) (bool, error) {
			begin := time.Now()
			ok, err := exists(ctx)
			s.hook("Foreign.Exists", begin, made.Name, yesOrNo(ok, err))
			return ok, err
		}
	}
	if remove := made.Remove; remove != nil {
		made.Remove = func(ctx context.Context) error {
			begin := time.Now()
			err := remove(ctx)
			s.hook("Foreign.Remove", begin, made.Name, doneOr("done", err))
			return err
		}
	}
	return made
}

func yesOrNo(yes bool, err error) string {
	if yes {
		return doneOr("yes", err)
	}
	return doneOr("no", err)
}

// doneOr returns what a hook said, or why it could not.
func doneOr(said string, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return said
}
