// Package canned is a Provisioner server that answers at once: what is left of a call is what its server costs.
package canned

import (
	"context"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// Name is the driver's.
const Name = "bench.example.com"

// Provisioner answers with what it was asked for. Its zero value is ready; safe for concurrent use.
type Provisioner struct {
	cosi.UnimplementedProvisionerServer
}

// DriverCreateBucket makes the name the id.
func (*Provisioner) DriverCreateBucket(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{
		BucketId:   r.GetName(),
		BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: "eu", SignatureVersion: cosi.S3SignatureVersion_S3V4}}},
	}, nil
}

// DriverGrantBucketAccess makes the name the account's id.
func (*Provisioner) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	return &cosi.DriverGrantBucketAccessResponse{
		AccountId: r.GetName(),
		Credentials: map[string]*cosi.CredentialDetails{"s3": {Secrets: map[string]string{
			"accessKeyID": r.GetName(), "accessSecretKey": "none", "endpoint": "https://s3.example.com", "region": "eu",
		}}},
	}, nil
}

// Identity answers with Name, for servers that gocosi does not make.
type Identity struct {
	cosi.UnimplementedIdentityServer
}

// DriverGetInfo tells the name.
func (*Identity) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	return &cosi.DriverGetInfoResponse{Name: Name}, nil
}
