package cositest_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/cositest"
)

// shape is how a driver writes ids. Its functions translate from the reference's ids and back.
type shape struct {
	bucket    func(name, id string) string
	ofBucket  func(shaped string) (id string, ok bool)
	account   func(name, id string) string
	ofAccount func(bucketID, shaped string) (id string, ok bool)
	stranger  codes.Code // to a grant for an id of another shape
}

// plain is the reference's own shape.
func plain() shape {
	return shape{
		bucket:    func(_, id string) string { return id },
		ofBucket:  func(shaped string) (string, bool) { return shaped, true },
		account:   func(_, id string) string { return id },
		ofAccount: func(_, shaped string) (string, bool) { return shaped, true },
		stranger:  codes.InvalidArgument,
	}
}

// hexadecimal ids of buckets are the reference's, byte by byte.
func hexadecimal() shape {
	s := plain()
	s.bucket = func(_, id string) string { return hex.EncodeToString([]byte(id)) }
	s.ofBucket = func(shaped string) (string, bool) {
		id, err := hex.DecodeString(shaped)
		return string(id), err == nil
	}
	return s
}

// prefixed ids begin with a region.
func prefixed(region string) shape {
	write := func(_, id string) string { return region + id }
	read := func(shaped string) (string, bool) { return strings.CutPrefix(shaped, region) }
	s := plain()
	s.bucket, s.account, s.ofBucket = write, write, read
	s.ofAccount = func(_, shaped string) (string, bool) { return read(shaped) }
	return s
}

// nameOnly calls an account what the request calls the access: two buckets may have accounts of one id.
func nameOnly() shape {
	s := plain()
	s.account = func(name, _ string) string { return name }
	s.ofAccount = func(bucketID, shaped string) (string, bool) { return accountOf(bucketID, shaped), true }
	return s
}

// hash stands for a name.
func hash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:20])
}

var isHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// hashes are the ids of a driver whose store has buckets by the hashes of their names.
func hashes() shape {
	s := plain()
	s.bucket = func(name, _ string) string { return hash(name) }
	s.ofBucket = func(shaped string) (string, bool) { return idOf(shaped), isHash.MatchString(shaped) }
	return s
}

// wholeNames are ids that hold the name, however long, of a driver whose store has buckets by the hashes of their names.
func wholeNames() shape {
	s := plain()
	s.bucket = func(name, _ string) string { return "bucket/" + name }
	s.ofBucket = func(shaped string) (string, bool) {
		name, ok := strings.CutPrefix(shaped, "bucket/")
		return idOf(hash(name)), ok
	}
	return s
}

// register keeps random ids. Safe for concurrent use.
type register struct {
	mu     sync.Mutex
	shaped map[string]string // by the reference's ids
	ids    map[string]string // by what was drawn for them
}

func newRegister() *register { return &register{shaped: map[string]string{}, ids: map[string]string{}} }

func (r *register) write(_, id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shaped[id] == "" {
		drawn := rand.Text()
		r.shaped[id], r.ids[drawn] = drawn, id
	}
	return r.shaped[id]
}

func (r *register) read(shaped string) (id string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, ok = r.ids[shaped]
	return id, ok
}

func (r *register) forget(shaped string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.shaped, r.ids[shaped])
	delete(r.ids, shaped)
}

// random ids are drawn for each bucket and account, and forgotten with it.
func (d *driver) random(cfg *cositest.Config) {
	buckets, accounts := newRegister(), newRegister()
	d.reshape(cfg, shape{
		bucket: buckets.write, ofBucket: buckets.read,
		account: accounts.write, ofAccount: func(_, shaped string) (string, bool) { return accounts.read(shaped) },
		stranger: codes.NotFound,
	})
	d.delete = reply(d.delete, func(q *deleteQ, _ *deleteR) { buckets.forget(q.GetBucketId()) })
	d.revoke = reply(d.revoke, func(q *revokeQ, _ *revokeR) { accounts.forget(q.GetAccountId()) })
}

// reshape lets the driver have ids of a shape. What it cannot read as an id, it never made: there is nothing to delete or
// to revoke. The reference refuses requests that lack one.
func (d *driver) reshape(cfg *cositest.Config, s shape) {
	d.create = reply(d.create, func(q *createQ, r *createR) { r.BucketId = s.bucket(q.GetName(), r.GetBucketId()) })
	d.reshapeDelete(s)
	d.reshapeGrant(s)
	d.reshapeRevoke(s)
	foreign := cfg.MakeForeignBucket
	cfg.MakeForeignBucket = func(ctx context.Context) (cositest.Foreign, error) {
		f, err := foreign(ctx)
		f.ID = s.bucket(f.Name, f.ID)
		return f, err
	}
}

func (d *driver) reshapeDelete(s shape) {
	next := d.delete
	d.delete = func(ctx context.Context, r *deleteQ) (*deleteR, error) {
		if r.GetBucketId() == "" {
			return next(ctx, r)
		}
		id, ok := s.ofBucket(r.GetBucketId())
		if !ok {
			return &deleteR{}, nil
		}
		return ask(next, func(r *deleteQ) { r.BucketId = id })(ctx, r)
	}
}

func (d *driver) reshapeGrant(s shape) {
	next := d.grant
	d.grant = func(ctx context.Context, r *grantQ) (*grantR, error) {
		if r.GetBucketId() == "" {
			return next(ctx, r)
		}
		id, ok := s.ofBucket(r.GetBucketId())
		if !ok {
			return nil, status.Error(s.stranger, "this driver has no bucket of that id")
		}
		response, err := ask(next, func(r *grantQ) { r.BucketId = id })(ctx, r)
		if err == nil {
			response.AccountId = s.account(r.GetName(), response.GetAccountId())
		}
		return response, err
	}
}

func (d *driver) reshapeRevoke(s shape) {
	next := d.revoke
	d.revoke = func(ctx context.Context, r *revokeQ) (*revokeR, error) {
		if r.GetBucketId() == "" || r.GetAccountId() == "" {
			return next(ctx, r)
		}
		bucketID, ok := s.ofBucket(r.GetBucketId())
		account, known := s.ofAccount(bucketID, r.GetAccountId())
		if !ok || !known {
			return &revokeR{}, nil
		}
		return ask(next, func(r *revokeQ) { r.BucketId, r.AccountId = bucketID, account })(ctx, r)
	}
}

// anyLength is what names of a store look like that takes them however long.
var anyLength = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]+[a-z0-9]$`)

// hashNames lets the store keep each bucket by the hash of its name, and find it by its name.
func (d *driver) hashNames(cfg *cositest.Config) {
	d.create = ask(d.create, func(r *createQ) {
		if anyLength.MatchString(r.GetName()) {
			r.Name = hash(r.GetName())
		}
	})
	access, store := cfg.Access, d.ref.store
	cfg.Access = func(ctx context.Context, use cositest.Use) (bool, error) {
		use.BucketName = hash(use.BucketName)
		return access(ctx, use)
	}
	cfg.MakeForeignBucket = func(context.Context) (cositest.Foreign, error) {
		name := "foreign-" + strings.ToLower(rand.Text())
		stored := hash(name)
		store.mu.Lock()
		defer store.mu.Unlock()
		store.buckets[stored] = &bucket{name: stored, owner: "somebody"}
		return cositest.Foreign{
			Name: name, ID: idOf(stored), DeleteContext: map[string]string{"deleteUnowned": "true"},
			Remove: func(context.Context) error { store.drop(stored); return nil },
			Exists: func(context.Context) (bool, error) { return store.has(stored), nil },
		}, nil
	}
}

// hashAccounts does so with accounts. A hash is of the bucket's id as well: two buckets have no account in common.
func (d *driver) hashAccounts() {
	d.grant = ask(d.grant, func(r *grantQ) {
		if r.GetName() != "" {
			r.Name = hash(r.GetBucketId() + "/" + r.GetName())
		}
	})
	d.grant = reply(d.grant, func(q *grantQ, r *grantR) { r.AccountId = hash(q.GetBucketId() + "/" + q.GetName()) })
	d.revoke = ask(d.revoke, func(r *revokeQ) {
		if r.GetAccountId() != "" {
			r.AccountId = accountOf(r.GetBucketId(), r.GetAccountId())
		}
	})
}
