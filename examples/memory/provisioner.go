package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"regexp"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// bucketName is what S3 takes for the name of a bucket; a store of your own may take something else.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// provisioner keeps buckets and the accounts that may use them. A bucket's id is its name, and an account's id is the
// name of the access that was granted, so a repeated call finds what the first one made.
type provisioner struct {
	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	parameters map[string]string
	accounts   map[string]account
}

type account struct {
	parameters  map[string]string
	credentials gocosi.S3Credentials
}

func newProvisioner() *provisioner {
	return &provisioner{buckets: map[string]*bucket{}}
}

// DriverCreateBucket makes the bucket, or finds the one that an earlier call with the same parameters made.
func (p *provisioner) DriverCreateBucket(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	if !bucketName.MatchString(r.GetName()) {
		return nil, status.Errorf(codes.InvalidArgument, "name %.80q is not a bucket's: 3 to 63 of a-z, 0-9, - and .", r.GetName())
	}
	parameters, err := gocosi.Parameters(r.GetParameters(), "region")
	if err != nil {
		return nil, err
	}
	if err := p.create(r.GetName(), parameters); err != nil {
		return nil, err
	}
	return &cosi.DriverCreateBucketResponse{BucketId: r.GetName(), BucketInfo: protocol(regionOf(parameters))}, nil
}

func (p *provisioner) create(name string, parameters map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.buckets[name]
	if !ok {
		p.buckets[name] = &bucket{parameters: parameters, accounts: map[string]account{}}
		return nil
	}
	if !maps.Equal(b.parameters, parameters) {
		return status.Errorf(codes.AlreadyExists, "bucket %q exists with other parameters", name)
	}
	return nil
}

// regionOf is the region of a bucket with the parameters.
func regionOf(parameters map[string]string) string { return cmp.Or(parameters["region"], "us-east-1") }

func protocol(region string) *cosi.Protocol {
	return &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{
		Region: region, SignatureVersion: cosi.S3SignatureVersion_S3V4,
	}}}
}

// DriverDeleteBucket forgets the bucket with its accounts. One that is gone is a success.
func (p *provisioner) DriverDeleteBucket(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	if err := required("bucket_id", r.GetBucketId()); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.buckets, r.GetBucketId())
	return &cosi.DriverDeleteBucketResponse{}, nil
}

// DriverGrantBucketAccess makes an account with a key of its own, or finds the one that an earlier call made: a repeat
// returns the same credentials, because the caller keeps only those that it saw first.
func (p *provisioner) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	if err := checkGrant(r); err != nil {
		return nil, err
	}
	parameters, err := gocosi.Parameters(r.GetParameters(), "access")
	if err != nil {
		return nil, err
	}
	credentials, err := p.grant(r.GetBucketId(), r.GetName(), parameters)
	if err != nil {
		return nil, err
	}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: r.GetName(), Credentials: credentials.Map()}, nil
}

func checkGrant(r *cosi.DriverGrantBucketAccessRequest) error {
	if err := cmp.Or(required("bucket_id", r.GetBucketId()), required("name", r.GetName())); err != nil {
		return err
	}
	if t := r.GetAuthenticationType(); t != cosi.AuthenticationType_Key {
		return status.Errorf(codes.InvalidArgument, "authentication_type %s is not supported; accepted is Key", t)
	}
	return nil
}

func (p *provisioner) grant(bucketID, name string, parameters map[string]string) (gocosi.S3Credentials, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.buckets[bucketID]
	if !ok {
		return gocosi.S3Credentials{}, status.Errorf(codes.NotFound, "bucket %q does not exist", bucketID)
	}
	return b.grant(name, parameters)
}

func (b *bucket) grant(name string, parameters map[string]string) (gocosi.S3Credentials, error) {
	a, ok := b.accounts[name]
	if !ok {
		a = account{parameters: parameters, credentials: newCredentials(regionOf(b.parameters))}
		b.accounts[name] = a
	}
	if !maps.Equal(a.parameters, parameters) {
		return gocosi.S3Credentials{}, status.Errorf(codes.FailedPrecondition, "access %q was granted with other parameters", name)
	}
	return a.credentials, nil
}

// DriverRevokeBucketAccess forgets the account. One that is gone, or was never there, is a success.
func (p *provisioner) DriverRevokeBucketAccess(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	if err := cmp.Or(required("bucket_id", r.GetBucketId()), required("account_id", r.GetAccountId())); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.buckets[r.GetBucketId()]; ok {
		delete(b.accounts, r.GetAccountId())
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

func required(field, value string) error {
	if value == "" {
		return status.Error(codes.InvalidArgument, field+" is required")
	}
	return nil
}

func newCredentials(region string) gocosi.S3Credentials {
	return gocosi.S3Credentials{
		Endpoint:        "https://s3.memory.example.com", // nobody listens there: this driver has no store
		Region:          region,
		AccessKeyID:     rand.Text(),
		AccessSecretKey: rand.Text(),
	}
}
