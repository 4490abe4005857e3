package cositest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// isolationFaults let one user reach what is another's, or fail in a crowd.
func isolationFaults() []fault {
	return []fault{
		{"GRANT-14", "GRANT-14", "one key for everybody", func(d *driver) {
			key, secret := rand.Text(), rand.Text()
			d.grant = d.keyed(func(*grantQ) (string, string) { return key, secret })
		}},
		{"ISOLATION-1", "ISOLATION-1 secrets", "the first secret of each bucket is the same", func(d *driver) {
			var buckets seen
			secret := rand.Text()
			d.grant = d.keyed(func(r *grantQ) (string, string) {
				if !buckets.before(r.GetBucketId()) {
					return rand.Text(), secret
				}
				return rand.Text(), rand.Text()
			})
		}},
		{"ISOLATION-1", "ISOLATION-1", "any key opens any bucket", func(d *driver) { d.ref.open = true }},
		{"ISOLATION-2", "ISOLATION-2", "an update is lost", func(d *driver) { d.grant = d.loseUpdates("ISOLATION-2", 2) }},
		{"ISOLATION-2", "ISOLATION-2", "what is revoked comes back", func(d *driver) {
			next, all := d.revoke, newMeeting(2)
			d.revoke = func(ctx context.Context, r *revokeQ) (*revokeR, error) {
				if d.in("ISOLATION-2") && all.meet(ctx) {
					return &revokeR{}, nil
				}
				return next(ctx, r)
			}
		}},
		{"LOAD-1", "LOAD-1", "INTERNAL for calls at once, each for a bucket of its own", func(d *driver) {
			next, all := d.create, newMeeting(parallel)
			var once seen
			d.create = func(ctx context.Context, r *createQ) (*createR, error) {
				if d.in("LOAD-1") && all.meet(ctx) && !once.before("first") {
					return nil, status.Error(codes.Internal, "the pool of connections is used up")
				}
				return next(ctx, r)
			}
		}},
		{"LOAD-1", "LOAD-1", "ids get mixed up at once", func(d *driver) {
			next, all := d.create, newMeeting(parallel)
			d.create = func(ctx context.Context, r *createQ) (*createR, error) {
				met := d.in("LOAD-1") && !d.ref.has(r.GetName()) && all.meet(ctx)
				response, err := next(ctx, r)
				if met && err == nil {
					response.BucketId = "id-mixed"
				}
				return response, err
			}
		}},
	}
}

// keyed lets a function choose the key and the secret of each new account.
func (d *driver) keyed(choose func(*grantQ) (key, secret string)) handler[grantQ, grantR] {
	var known sync.Map
	next := d.grant
	return func(ctx context.Context, r *grantQ) (*grantR, error) {
		if _, err := next(ctx, r); err != nil {
			return nil, err
		}
		id := accountOf(r.GetBucketId(), r.GetName())
		d.ref.mu.Lock()
		a := d.ref.accounts[id]
		if _, before := known.LoadOrStore(a, true); !before {
			a.key, a.secret = choose(r)
		}
		d.ref.mu.Unlock()
		return &grantR{AccountId: id, Credentials: d.ref.credentials(a, r.GetAuthenticationType())}, nil
	}
}

// whileAway puts something before a handler while the store is away.
func whileAway[Q, R any](d *driver, next handler[Q, R], answer func(*Q) (*R, error)) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		response, err := next(ctx, r)
		if status.Code(err) == codes.Unavailable && d.ref.reach() != nil {
			return answer(r)
		}
		return response, err
	}
}

// code answers a code.
func code[Q, R any](c codes.Code) func(*Q) (*R, error) {
	return func(*Q) (*R, error) { return nil, status.Error(c, "the store does not answer") }
}

// done answers that all is well.
func done[Q, R any](r *R) func(*Q) (*R, error) {
	return func(*Q) (*R, error) { return r, nil }
}

func outageFaults() []fault {
	return []fault{
		{"OUTAGE-1", "OUTAGE-1", "OK", func(d *driver) {
			d.create = whileAway(d, d.create, func(r *createQ) (*createR, error) { return created(r.GetName()), nil })
		}},
		{"OUTAGE-1", "OUTAGE-1", "FAILED_PRECONDITION", func(d *driver) {
			d.create = whileAway(d, d.create, code[createQ, createR](codes.FailedPrecondition))
		}},
		{"OUTAGE-2", "OUTAGE-2", "OK", func(d *driver) { d.delete = whileAway(d, d.delete, done[deleteQ](&deleteR{})) }},
		{"OUTAGE-2", "OUTAGE-2", "NOT_FOUND", func(d *driver) { d.delete = whileAway(d, d.delete, code[deleteQ, deleteR](codes.NotFound)) }},
		{"OUTAGE-3", "OUTAGE-3", "OK, with a key that nobody knows", func(d *driver) {
			d.grant = whileAway(d, d.grant, done[grantQ](&grantR{AccountId: "account", Credentials: keys()}))
		}},
		{"OUTAGE-3", "OUTAGE-3", "NOT_FOUND", func(d *driver) { d.grant = whileAway(d, d.grant, code[grantQ, grantR](codes.NotFound)) }},
		{"OUTAGE-4", "OUTAGE-4", "OK", func(d *driver) { d.revoke = whileAway(d, d.revoke, done[revokeQ](&revokeR{})) }},
		{"OUTAGE-4", "OUTAGE-4", "PERMISSION_DENIED", func(d *driver) {
			d.revoke = whileAway(d, d.revoke, code[revokeQ, revokeR](codes.PermissionDenied))
		}},
		{"OUTAGE-5", "OUTAGE-5", "no name without the store", func(d *driver) {
			next := d.info
			d.info = func(ctx context.Context, r *infoQ) (*infoR, error) {
				if err := d.ref.reach(); err != nil {
					return nil, err
				}
				return next(ctx, r)
			}
		}},
		{"OUTAGE-6", "OUTAGE-6", "what an outage met stays broken", func(d *driver) {
			var met seen
			d.create = whileAway(d, d.create, func(r *createQ) (*createR, error) {
				met.before(r.GetName())
				return nil, status.Error(codes.Unavailable, "the store cannot be reached")
			})
			d.create = refuse(d.create, codes.FailedPrecondition, func(r *createQ) bool { return met.has(r.GetName()) && d.ref.reach() == nil })
		}},
		{"OUTAGE-6", "OUTAGE-6", "a revoke that an outage met is forgotten", func(d *driver) {
			var met seen
			d.revoke = whileAway(d, d.revoke, func(r *revokeQ) (*revokeR, error) {
				met.before(r.GetAccountId())
				return nil, status.Error(codes.Unavailable, "the store cannot be reached")
			})
			d.revoke = instead(d.revoke, func(r *revokeQ) (*revokeR, error) {
				if met.has(r.GetAccountId()) && d.ref.reach() == nil {
					return &revokeR{}, nil
				}
				return nil, nil
			})
		}},
	}
}

func nextFaults() []fault {
	return []fault{
		{"NEXT-1", "NEXT-1", "ids that count", func(d *driver) {
			var number atomic.Int64
			var ids sync.Map // of buckets that are there, by name
			d.create = reply(d.create, func(q *createQ, r *createR) {
				id, _ := ids.LoadOrStore(q.GetName(), fmt.Sprintf("%s~%d", r.GetBucketId(), number.Add(1)))
				r.BucketId, _ = id.(string)
			})
			plain := func(id string) string { before, _, _ := strings.Cut(id, "~"); return before }
			d.delete = ask(d.delete, func(r *deleteQ) { r.BucketId = plain(r.GetBucketId()) })
			d.delete = reply(d.delete, func(r *deleteQ, _ *deleteR) { ids.Delete(nameOf(plain(r.GetBucketId()))) })
			d.grant = ask(d.grant, func(r *grantQ) { r.BucketId = plain(r.GetBucketId()) })
			d.revoke = ask(d.revoke, func(r *revokeQ) { r.BucketId = plain(r.GetBucketId()) })
		}},
		{"NEXT-2", "NEXT-2", "a label that ends with a dash", named("s3-.example.com")},
		{"NEXT-3", "NEXT-3", "no region", func(d *driver) {
			d.create = reply(d.create, func(_ *createQ, r *createR) { r.BucketInfo = &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{}}} })
		}},
		{"NEXT-4", "NEXT-4", "INVALID_ARGUMENT for a create", func(d *driver) {
			d.create = whileAway(d, d.create, code[createQ, createR](codes.InvalidArgument))
		}},
		{"NEXT-4", "NEXT-4", "OUT_OF_RANGE for a grant", func(d *driver) {
			d.grant = whileAway(d, d.grant, code[grantQ, grantR](codes.OutOfRange))
		}},
	}
}
