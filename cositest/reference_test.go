package cositest_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// store is an object store in memory, with accounts and a list for each bucket of those that may use it.
type store struct {
	mu       sync.Mutex
	buckets  map[string]*bucket  // by name
	accounts map[string]*account // by id
	away     bool                // nobody reaches it
	open     bool                // any account may use any bucket
}

type bucket struct {
	name, owner string
	parameters  map[string]string
	policy      []string // ids of accounts
	objects     int
}

type account struct {
	parameters  map[string]string
	key, secret string
}

func newStore() *store {
	return &store{buckets: map[string]*bucket{}, accounts: map[string]*account{}}
}

// left says what the store still holds; "" when that is nothing.
func (s *store) left() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.buckets)+len(s.accounts) == 0 {
		return ""
	}
	return fmt.Sprint("buckets ", slices.Collect(maps.Keys(s.buckets)), ", accounts ", slices.Collect(maps.Keys(s.accounts)))
}

// access is the hook of that name: the store's own protocol.
func (s *store) access(_ context.Context, use cositest.Use) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.allows(use) == (use.Expect == cositest.Granted), nil
}

func (s *store) allows(use cositest.Use) bool {
	b, ok := s.buckets[use.BucketName]
	if !ok {
		return false
	}
	keys := use.Credentials["s3"].GetSecrets()
	token := use.Credentials["azure"].GetSecrets()["accessToken"]
	for id, a := range s.accounts {
		signed := a.key == keys["accessKeyID"] && a.secret == keys["accessSecretKey"] || token != "" && a.secret == token
		if signed && (s.open || slices.Contains(b.policy, id)) {
			b.objects = 0
			if use.Keep {
				b.objects = 1
			}
			return true
		}
	}
	return false
}

// outage is the hook of that name.
func (s *store) outage(_ context.Context, begin bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = begin
	return nil
}

// reach fails while the store is away.
func (s *store) reach() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return status.Error(codes.Unavailable, "the store cannot be reached")
	}
	return nil
}

// makeForeign is the hook MakeForeignBucket.
func (s *store) makeForeign(context.Context) (cositest.Foreign, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "foreign-" + strings.ToLower(rand.Text())
	s.buckets[name] = &bucket{name: name, owner: "somebody"}
	return cositest.Foreign{
		Name: name, ID: idOf(name), DeleteContext: map[string]string{"deleteUnowned": "true"},
		Remove: func(context.Context) error { s.drop(name); return nil },
		Exists: func(context.Context) (bool, error) { return s.has(name), nil },
	}, nil
}

func (s *store) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets, name)
}

func (s *store) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets[name] != nil
}

// count is the hook CountAccounts.
func (s *store) count(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.accounts), nil
}

// reference is a driver for the store that is right in every rule.
type reference struct {
	*store

	name  string // of the driver
	azure bool   // grants signatures instead of keys
	only  cosi.AuthenticationType
	// between is called between the two steps of making something. nil: nothing is.
	between func(context.Context) error
}

// idOf makes ids differ from names, so that a case cannot mistake one for the other.
func idOf(name string) string { return "id-" + name }

func nameOf(id string) string { return id[min(len("id-"), len(id)):] }

func accountOf(bucketID, name string) string { return "account-" + name + "@" + nameOf(bucketID) }

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func (d *reference) step(ctx context.Context) error {
	if d.between == nil {
		return nil
	}
	return d.between(ctx)
}

func (d *reference) DriverGetInfo(context.Context, *infoQ) (*infoR, error) {
	return &infoR{Name: d.name}, nil
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func checkRegion(parameters map[string]string) error {
	for key := range parameters {
		if key != "region" {
			return invalid("the parameter %q is not known", key)
		}
	}
	if parameters["region"] == "nowhere" {
		return status.Error(codes.OutOfRange, "there is no such region")
	}
	return nil
}

func (d *reference) DriverCreateBucket(ctx context.Context, r *createQ) (*createR, error) {
	if !validName.MatchString(r.GetName()) {
		return nil, invalid("the name cannot be that of a bucket")
	}
	if err := checkRegion(r.GetParameters()); err != nil {
		return nil, err
	}
	if err := d.reach(); err != nil {
		return nil, err
	}
	if err := d.reserve(ctx, r.GetName(), r.GetParameters()); err != nil {
		return nil, err
	}
	if err := d.step(ctx); err != nil {
		return nil, err
	}
	return &createR{
		BucketId:   idOf(r.GetName()),
		BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: r.GetParameters()["region"]}}},
	}, nil
}

// reserve makes the bucket, or finds the one that an earlier call made. A call that was cancelled makes nothing: it may
// be late, and come after the repeat and the delete that followed it.
func (d *reference) reserve(ctx context.Context, name string, parameters map[string]string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	b, ok := d.buckets[name]
	if ok && (b.owner != "" || !maps.Equal(b.parameters, parameters)) {
		return status.Error(codes.AlreadyExists, "there is such a bucket, but another one")
	}
	if !ok {
		d.buckets[name] = &bucket{name: name, parameters: parameters}
	}
	return nil
}

func (d *reference) DriverDeleteBucket(_ context.Context, r *deleteQ) (*deleteR, error) {
	if r.GetBucketId() == "" {
		return nil, invalid("bucket_id is required")
	}
	if err := d.reach(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if b, ok := d.buckets[nameOf(r.GetBucketId())]; ok {
		switch {
		case b.owner != "" && r.GetDeleteContext()["deleteUnowned"] != "true":
			return nil, status.Error(codes.FailedPrecondition, "the bucket is somebody else's")
		case b.objects > 0:
			return nil, status.Error(codes.FailedPrecondition, "the bucket is not empty")
		}
		maps.DeleteFunc(d.accounts, func(id string, _ *account) bool { return strings.HasSuffix(id, "@"+b.name) })
		delete(d.buckets, b.name)
	}
	return &deleteR{}, nil
}

func (d *reference) checkGrant(r *grantQ) error {
	for key := range r.GetParameters() {
		if key != "access" {
			return invalid("the parameter %q is not known", key)
		}
	}
	method := r.GetAuthenticationType()
	switch {
	case r.GetBucketId() == "":
		return invalid("bucket_id is required")
	case r.GetName() == "":
		return invalid("name is required")
	case method != cosi.AuthenticationType_Key && method != cosi.AuthenticationType_IAM, d.only != 0 && d.only != method:
		return invalid("authentication_type %s is not supported", method)
	}
	return nil
}

func (d *reference) DriverGrantBucketAccess(ctx context.Context, r *grantQ) (*grantR, error) {
	if err := cmp.Or(d.checkGrant(r), d.reach()); err != nil {
		return nil, err
	}
	a, b, err := d.enrol(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := d.step(ctx); err != nil {
		return nil, err
	}
	id := accountOf(r.GetBucketId(), r.GetName())
	d.allow(b, id)
	return &grantR{AccountId: id, Credentials: d.credentials(a, r.GetAuthenticationType())}, nil
}

// enrol makes the account, or finds the one that an earlier call made.
func (d *reference) enrol(ctx context.Context, r *grantQ) (*account, *bucket, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil, nil, status.FromContextError(ctx.Err()).Err()
	}
	b, ok := d.buckets[nameOf(r.GetBucketId())]
	if !ok {
		return nil, nil, status.Error(codes.NotFound, "there is no such bucket")
	}
	id := accountOf(r.GetBucketId(), r.GetName())
	a, ok := d.accounts[id]
	if ok && !maps.Equal(a.parameters, r.GetParameters()) {
		return nil, nil, status.Error(codes.FailedPrecondition, "access was granted with other parameters")
	}
	if !ok {
		a = &account{parameters: r.GetParameters(), key: rand.Text(), secret: rand.Text()}
		d.accounts[id] = a
	}
	return a, b, nil
}

func (d *reference) allow(b *bucket, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(b.policy, id) {
		b.policy = append(b.policy, id)
	}
}

func (d *reference) credentials(a *account, method cosi.AuthenticationType) map[string]*cosi.CredentialDetails {
	if d.azure {
		return map[string]*cosi.CredentialDetails{"azure": {Secrets: map[string]string{
			"accessToken": a.secret, "expiryTs": "2031-02-03 04:05:06 +0000 UTC",
		}}}
	}
	secrets := map[string]string{"endpoint": "https://s3.example.com", "region": "here"}
	if method == cosi.AuthenticationType_Key {
		secrets["accessKeyID"], secrets["accessSecretKey"] = a.key, a.secret
	}
	return map[string]*cosi.CredentialDetails{"s3": {Secrets: secrets}}
}

func (d *reference) DriverRevokeBucketAccess(_ context.Context, r *revokeQ) (*revokeR, error) {
	switch {
	case r.GetBucketId() == "":
		return nil, invalid("bucket_id is required")
	case r.GetAccountId() == "":
		return nil, invalid("account_id is required")
	}
	if err := d.reach(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasSuffix(r.GetAccountId(), "@"+nameOf(r.GetBucketId())) {
		delete(d.accounts, r.GetAccountId())
	}
	if b, ok := d.buckets[nameOf(r.GetBucketId())]; ok {
		b.policy = slices.DeleteFunc(b.policy, func(id string) bool { return id == r.GetAccountId() })
	}
	return &revokeR{}, nil
}
