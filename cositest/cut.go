package cositest

import (
	"context"
	"time"
)

// parts is at how many moments a call is cut short: at once, and then spread over the time that it takes.
const parts = 6

// moments times a whole create, and spreads.
func (t *trial) moments(ctx context.Context) ([]time.Duration, error) {
	if _, err := t.bucket(ctx); err != nil { // which may have to look for a name
		return nil, err
	}
	return timed(func() error { _, err := t.bucket(ctx); return err })
}

// timed times something, and spreads.
func timed(do func() error) ([]time.Duration, error) {
	begin := time.Now()
	err := do()
	return spread(time.Since(begin)), err
}

func spread(whole time.Duration) []time.Duration {
	moments := make([]time.Duration, parts)
	for i := range moments {
		moments[i] = whole * time.Duration(i) / parts
	}
	return moments
}

// cutShort makes a call and cancels it at the moment, as a sidecar that ends does.
func cutShort(ctx context.Context, moment time.Duration, call func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(moment, cancel).Stop()
	call(ctx)
}

// eachCutCreate cuts a create short at each moment, of a new bucket each time, and goes on with its name.
func (t *trial) eachCutCreate(ctx context.Context, then func(name string) error) error {
	moments, err := t.moments(ctx)
	if err != nil {
		return err
	}
	for _, moment := range moments {
		name, err := t.takenName(ctx)
		if err != nil {
			return err
		}
		cutShort(ctx, moment, func(ctx context.Context) { _, _ = t.createBucket(ctx, name, t.cfg.BucketParameters) })
		if err := then(name); err != nil {
			return err
		}
	}
	return nil
}
