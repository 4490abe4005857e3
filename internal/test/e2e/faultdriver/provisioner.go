package main

import (
	"context"
	"crypto/rand"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

// provisioner implements a correct driver with a file as its store.
type provisioner struct {
	cosi.UnimplementedProvisionerServer

	store fault.Store
}

func (p *provisioner) DriverCreateBucket(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	err := p.store.Change(func(b fault.Buckets) {
		if b[r.GetName()] == nil {
			b[r.GetName()] = map[string]string{}
		}
	})
	return &cosi.DriverCreateBucketResponse{BucketId: r.GetName()}, err
}

func (p *provisioner) DriverDeleteBucket(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	err := p.store.Change(func(b fault.Buckets) { delete(b, r.GetBucketId()) })
	return &cosi.DriverDeleteBucketResponse{}, err
}

func (p *provisioner) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	key, found := "", false
	err := p.store.Change(func(b fault.Buckets) {
		var accounts map[string]string
		if accounts, found = b[r.GetBucketId()]; !found {
			return
		}
		if accounts[r.GetName()] == "" {
			accounts[r.GetName()] = rand.Text()
		}
		key = accounts[r.GetName()]
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, status.Error(codes.NotFound, "the bucket does not exist")
	}
	credentials := gocosi.S3Credentials{
		Endpoint: "https://s3.example.com", Region: "us-east-1", AccessKeyID: r.GetName(), AccessSecretKey: key,
	}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: r.GetName(), Credentials: credentials.Map()}, nil
}

func (p *provisioner) DriverRevokeBucketAccess(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	err := p.store.Change(func(b fault.Buckets) { delete(b[r.GetBucketId()], r.GetAccountId()) })
	return &cosi.DriverRevokeBucketAccessResponse{}, err
}
