// Package harness starts drivers for tests, calls them, and reads their logs.
package harness

import (
	"context"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// Handlers implements a Provisioner server with functions. A nil function answers with a fixed success.
type Handlers struct {
	Create func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error)
	Delete func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error)
	Grant  func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error)
	Revoke func(context.Context, *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error)
}

// DriverCreateBucket calls Create, or answers with an ID made from the name.
func (h *Handlers) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	if h.Create != nil {
		return h.Create(ctx, r)
	}
	return &cosi.DriverCreateBucketResponse{BucketId: "id-" + r.GetName(), BucketInfo: S3Info()}, nil
}

// DriverDeleteBucket calls Delete, or succeeds.
func (h *Handlers) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	if h.Delete != nil {
		return h.Delete(ctx, r)
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

// DriverGrantBucketAccess calls Grant, or answers with S3 credentials made from the name.
func (h *Handlers) DriverGrantBucketAccess(
	ctx context.Context, r *cosi.DriverGrantBucketAccessRequest,
) (*cosi.DriverGrantBucketAccessResponse, error) {
	if h.Grant != nil {
		return h.Grant(ctx, r)
	}
	keys := gocosi.S3Credentials{
		Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: "key-" + r.GetName(), AccessSecretKey: "secret-" + r.GetName(),
	}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: "id-" + r.GetName(), Credentials: keys.Map()}, nil
}

// DriverRevokeBucketAccess calls Revoke, or succeeds.
func (h *Handlers) DriverRevokeBucketAccess(
	ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest,
) (*cosi.DriverRevokeBucketAccessResponse, error) {
	if h.Revoke != nil {
		return h.Revoke(ctx, r)
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

// S3Info returns the information of a bucket that speaks S3.
func S3Info() *cosi.Protocol {
	return &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{SignatureVersion: cosi.S3SignatureVersion_S3V4}}}
}
