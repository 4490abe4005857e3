package cositest

import (
	"context"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// parts is at how many moments a call is cut short: at once, and then spread over the time that it takes.
const parts = 6

// moments times a whole create, and spreads.
func (t *trial) moments(ctx context.Context) ([]time.Duration, error) {
	begin := time.Now()
	_, err := t.bucket(ctx)
	return spread(time.Since(begin)), err
}

// grantMoments does the same with a grant.
func (t *trial) grantMoments(ctx context.Context, b bucket) ([]time.Duration, error) {
	begin := time.Now()
	_, err := t.access(ctx, b)
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

// createPatiently creates a bucket whose creation may be under way still.
func (t *trial) createPatiently(ctx context.Context, name string) (response *cosi.DriverCreateBucketResponse, err error) {
	err = t.patiently(ctx, func() error {
		response, err = t.createBucket(ctx, name, t.cfg.BucketParameters)
		return err
	})
	return response, err
}

// givePatiently grants access that may be being granted still.
func (t *trial) givePatiently(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (response *cosi.DriverGrantBucketAccessResponse, err error) {
	err = t.patiently(ctx, func() error {
		response, err = t.give(ctx, r)
		return err
	})
	return response, err
}

// eachCutCreate cuts a create short at each moment, of a new bucket each time, and goes on with its name.
func (t *trial) eachCutCreate(ctx context.Context, then func(name string) error) error {
	moments, err := t.moments(ctx)
	if err != nil {
		return err
	}
	for _, moment := range moments {
		name := bucketName()
		cutShort(ctx, moment, func(ctx context.Context) { _, _ = t.createBucket(ctx, name, t.cfg.BucketParameters) })
		if err := then(name); err != nil {
			return err
		}
	}
	return nil
}
