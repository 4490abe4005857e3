package main

import (
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
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.buckets[r.GetName()]
	if ok && !maps.Equal(b.parameters, parameters) {
		return nil, status.Errorf(codes.AlreadyExists, "bucket %q exists with other parameters", r.GetName())
	}
	if !ok {
		p.buckets[r.GetName()] = &bucket{parameters: parameters, accounts: map[string]account{}}
	}
	return &cosi.DriverCreateBucketResponse{
		BucketId: r.GetName(),
		BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{
			Region: parameters["region"], SignatureVersion: cosi.S3SignatureVersion_S3V4,
		}}},
	}, nil
}

// DriverDeleteBucket forgets the bucket with its accounts. One that is gone is a success.
func (p *provisioner) DriverDeleteBucket(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	if r.GetBucketId() == "" {
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.buckets, r.GetBucketId())
	return &cosi.DriverDeleteBucketResponse{}, nil
}

// DriverGrantBucketAccess makes an account with a key of its own, or finds the one that an earlier call made: a repeat
// returns the same credentials, because the caller keeps only those that it saw first.
func (p *provisioner) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	switch {
	case r.GetBucketId() == "":
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	case r.GetName() == "":
		return nil, status.Error(codes.InvalidArgument, "name is required")
	case r.GetAuthenticationType() != cosi.AuthenticationType_Key:
		return nil, status.Errorf(codes.InvalidArgument, "authentication_type %s is not supported; accepted is Key", r.GetAuthenticationType())
	}
	parameters, err := gocosi.Parameters(r.GetParameters(), "access")
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.buckets[r.GetBucketId()]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "bucket %q does not exist", r.GetBucketId())
	}
	a, ok := b.accounts[r.GetName()]
	if ok && !maps.Equal(a.parameters, parameters) {
		return nil, status.Errorf(codes.FailedPrecondition, "access %q was granted with other parameters", r.GetName())
	}
	if !ok {
		a = account{parameters: parameters, credentials: newCredentials(b.parameters["region"])}
		b.accounts[r.GetName()] = a
	}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: r.GetName(), Credentials: a.credentials.Map()}, nil
}

// DriverRevokeBucketAccess forgets the account. One that is gone, or was never there, is a success.
func (p *provisioner) DriverRevokeBucketAccess(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	switch {
	case r.GetBucketId() == "":
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	case r.GetAccountId() == "":
		return nil, status.Error(codes.InvalidArgument, "account_id is required")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.buckets[r.GetBucketId()]; ok {
		delete(b.accounts, r.GetAccountId())
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

func newCredentials(region string) gocosi.S3Credentials {
	if region == "" {
		region = "us-east-1"
	}
	return gocosi.S3Credentials{
		Endpoint:        "https://s3.memory.example.com", // nobody listens there: this driver has no store
		Region:          region,
		AccessKeyID:     rand.Text(),
		AccessSecretKey: rand.Text(),
	}
}
