package cositest

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// crowdCases make as many calls at once as the sidecar does, over as many buckets.
func crowdCases() []Case {
	return []Case{newCase("LOAD-1", crowd)}
}

// crowd takes many buckets at once through their lives.
func crowd(ctx context.Context, t *trial) error {
	if err := cmp.Or(t.plainBucket(ctx), t.plainAccess(ctx)); err != nil {
		return err
	}
	one, err := t.bucket(ctx)
	if err != nil {
		return err
	}
	other, err := t.bucket(ctx)
	if err := cmp.Or(err, missed("even one after another", distinct([]bucket{one, other}))); err != nil {
		return err
	}
	n := t.cfg.Parallel
	buckets, accesses := make([]bucket, n), make([]access, n)
	prefix := t.ways.bucketPrefix()
	for _, phase := range []struct {
		what string
		call func(i int) error
	}{
		{"create", func(i int) error {
			name := newName(prefix)
			response, err := t.createBucket(ctx, name, t.cfg.BucketParameters)
			buckets[i] = bucket{name, response.GetBucketId()}
			return err
		}},
		{"grant", func(i int) error {
			request := t.plainRequest(buckets[i], t.accessName())
			response, err := t.give(ctx, request)
			accesses[i] = access{request.GetName(), response.GetAccountId(), response.GetCredentials()}
			return err
		}},
		{"repeated create or grant", func(i int) error {
			if i%2 == 0 {
				_, err := t.createBucket(ctx, buckets[i].name, t.cfg.BucketParameters)
				return err
			}
			_, err := t.give(ctx, t.plainRequest(buckets[i], accesses[i].name))
			return err
		}},
		{"revoke", func(i int) error { return t.revoke(ctx, revokeRequest(buckets[i], accesses[i])) }},
		{"delete", func(i int) error { return t.remove(ctx, buckets[i].id) }},
	} {
		for i, err := range atOnce(n, phase.call) {
			if err != nil && status.Code(err) != codes.AlreadyExists {
				return accepted(fmt.Sprintf("%s %d of %d at once, each for a bucket of its own,", phase.what, i+1, n), err)
			}
			if err != nil {
				return missed("a call returns ALREADY_EXISTS, which GRANT-11 or CREATE-3 reports", err)
			}
		}
		if err := distinct(buckets); err != nil {
			return err
		}
	}
	return nil
}

// distinct expects every bucket to have an id of its own.
func distinct(buckets []bucket) error {
	owner := map[string]string{}
	for _, b := range buckets {
		if other, taken := owner[b.id]; taken {
			return fmt.Errorf("created at once, the buckets %s and %s have the same id", other, b.name)
		}
		if b.id == "" {
			return errors.New("created at once, a bucket has no id")
		}
		owner[b.id] = b.name
	}
	return nil
}
