// Package canned implements a driver that answers immediately, so that a call costs only what its server adds.
package canned

import (
	"context"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// Name names the driver.
const Name = "bench.example.com"

// Provisioner answers every request with values from the request. Its zero value is ready to use. It is safe for
// concurrent use.
type Provisioner struct {
	cosi.UnimplementedProvisionerServer
}

// DriverCreateBucket returns the bucket's name as its ID.
func (*Provisioner) DriverCreateBucket(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{
		BucketId:   r.GetName(),
		BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: "eu", SignatureVersion: cosi.S3SignatureVersion_S3V4}}},
	}, nil
}

// DriverGrantBucketAccess returns the account's name as its ID.
func (*Provisioner) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	return &cosi.DriverGrantBucketAccessResponse{
		AccountId: r.GetName(),
		Credentials: map[string]*cosi.CredentialDetails{"s3": {Secrets: map[string]string{
			"accessKeyID": r.GetName(), "accessSecretKey": "none", "endpoint": "https://s3.example.com", "region": "eu",
		}}},
	}, nil
}

// Identity serves Name for servers that do not use gocosi.
type Identity struct {
	cosi.UnimplementedIdentityServer
}

// DriverGetInfo returns Name.
func (*Identity) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return &cosi.DriverGetInfoResponse{Name: Name}, nil
}
