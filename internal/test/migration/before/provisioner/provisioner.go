// Package provisioner answers the sidecar's calls as drivers in the field do. Its faults are deliberate: several public
// drivers have each of them. docs/migrating.md lists them.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/migration/store"
)

// Server implements the Provisioner server.
type Server struct {
	cosi.UnimplementedProvisionerServer

	Store    *store.Store
	Endpoint string // of the store, for applications
	AdminURL string // of the store's API, with the password
}

// DriverCreateBucket makes a bucket.
func (s *Server) DriverCreateBucket(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	region := r.GetParameters()["region"]
	err := s.Store.CreateBucket(r.GetName(), map[string]string{"region": region})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return nil, fmt.Errorf("create at %s: %w", s.AdminURL, err)
	}
	return &cosi.DriverCreateBucketResponse{
		BucketId: r.GetName(),
		BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{
			S3: &cosi.S3{Region: region, SignatureVersion: cosi.S3SignatureVersion_S3V4},
		}},
	}, nil
}

// DriverDeleteBucket removes a bucket.
func (s *Server) DriverDeleteBucket(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	err := s.Store.DeleteBucket(r.GetBucketId())
	if errors.Is(err, store.ErrNotFound) {
		return nil, status.Error(codes.NotFound, "bucket not found")
	}
	if err != nil {
		return nil, fmt.Errorf("delete at %s: %w", s.AdminURL, err)
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

// DriverGrantBucketAccess makes an account with a key, and adds it to the bucket's policy.
func (s *Server) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	bucket, user, mode := r.GetBucketId(), r.GetName(), r.GetParameters()["access"]
	policy, err := s.Store.Policy(bucket)
	if err != nil {
		return nil, fmt.Errorf("policy at %s: %w", s.AdminURL, err)
	}
	if granted, ok := policy[user]; ok && granted != mode {
		return nil, status.Error(codes.AlreadyExists, "user exists")
	}
	err = s.Store.CreateUser(user, nil)
	if err != nil && !errors.Is(err, store.ErrExists) {
		return nil, fmt.Errorf("create user at %s: %w", s.AdminURL, err)
	}
	key, err := s.Store.CreateKey(user)
	if err != nil {
		return nil, fmt.Errorf("create key at %s: %w", s.AdminURL, err)
	}
	policy[user] = mode
	if err := s.Store.SetPolicy(bucket, policy); err != nil {
		return nil, fmt.Errorf("set policy at %s: %w", s.AdminURL, err)
	}
	return &cosi.DriverGrantBucketAccessResponse{
		AccountId: bucket + "/" + user,
		Credentials: map[string]*cosi.CredentialDetails{
			"s3": {Secrets: map[string]string{
				"accessKeyID":     key.ID,
				"accessSecretKey": key.Secret,
				"endpoint":        s.Endpoint,
			}},
		},
	}, nil
}

// DriverRevokeBucketAccess removes the account.
func (s *Server) DriverRevokeBucketAccess(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	parts := strings.SplitN(r.GetAccountId(), "/", 2)
	bucket, user := parts[0], parts[1]
	policy, err := s.Store.Policy(bucket)
	if err != nil {
		return nil, fmt.Errorf("policy at %s: %w", s.AdminURL, err)
	}
	delete(policy, user)
	if err := s.Store.SetPolicy(bucket, policy); err != nil {
		return nil, fmt.Errorf("set policy at %s: %w", s.AdminURL, err)
	}
	err = s.Store.DeleteUser(user)
	if errors.Is(err, store.ErrNotFound) {
		return nil, status.Error(codes.NotFound, "user not found")
	}
	if err != nil {
		return nil, fmt.Errorf("delete user at %s: %w", s.AdminURL, err)
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}
