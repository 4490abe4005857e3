// Package provisioner answers the sidecar's calls.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/migration/store"
)

// owner tags the driver's own buckets.
const owner = "files.example.com"

// Server implements the Provisioner server.
type Server struct {
	Store    *store.Store
	Endpoint string // of the store, for applications
	AdminURL string // of the store's API, with the password
}

// DriverCreateBucket creates a bucket, or finds the bucket of an earlier call.
func (s *Server) DriverCreateBucket(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	parameters, err := gocosi.Parameters(r.GetParameters(), "region")
	if err != nil {
		return nil, err
	}
	region := parameters["region"]
	err = s.Store.CreateBucket(r.GetName(), map[string]string{"owner": owner, "region": region})
	switch {
	case errors.Is(err, store.ErrName):
		return nil, status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, store.ErrExists):
		err = s.same(r.GetName(), region)
	case err != nil:
		err = fmt.Errorf("create at %s: %w", s.AdminURL, err)
	}
	if err != nil {
		return nil, err
	}
	return &cosi.DriverCreateBucketResponse{
		BucketId: r.GetName(),
		BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{
			S3: &cosi.S3{Region: region, SignatureVersion: cosi.S3SignatureVersion_S3V4},
		}},
	}, nil
}

// same checks that an existing bucket is the requested one.
func (s *Server) same(bucket, region string) error {
	tags, err := s.Store.Tags(bucket)
	if err != nil {
		return fmt.Errorf("tags at %s: %w", s.AdminURL, err)
	}
	if tags["owner"] != owner || tags["region"] != region {
		return status.Errorf(codes.AlreadyExists, "bucket %q exists with another owner or region", bucket)
	}
	return nil
}

// DriverDeleteBucket removes a bucket.
func (s *Server) DriverDeleteBucket(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	err := s.Store.DeleteBucket(r.GetBucketId())
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrName): // an id that no bucket can have is one of none
		return nil, status.Error(codes.NotFound, "bucket not found") // answered as OK
	case errors.Is(err, store.ErrNotEmpty):
		return nil, status.Errorf(codes.FailedPrecondition, "bucket %q holds objects", r.GetBucketId())
	case err != nil:
		return nil, fmt.Errorf("delete at %s: %w", s.AdminURL, err)
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

// DriverGrantBucketAccess creates an account with a key and adds it to the bucket's policy, or finds the account of an
// earlier call.
func (s *Server) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	if r.GetAuthenticationType() != cosi.AuthenticationType_Key {
		return nil, status.Error(codes.InvalidArgument, "authentication_type is not supported; accepted is Key")
	}
	parameters, err := gocosi.Parameters(r.GetParameters(), "access")
	if err != nil {
		return nil, err
	}
	bucket, user, mode := r.GetBucketId(), r.GetName(), parameters["access"]
	policy, err := s.Store.Policy(bucket)
	if errors.Is(err, store.ErrNotFound) {
		return nil, status.Errorf(codes.NotFound, "bucket %q does not exist", bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("policy at %s: %w", s.AdminURL, err)
	}
	if granted, ok := policy[user]; ok && granted != mode {
		return nil, status.Errorf(codes.FailedPrecondition, "access %q was granted with other parameters", user)
	}
	key, err := s.key(user)
	if err != nil {
		return nil, err
	}
	policy[user] = mode
	if err := s.Store.SetPolicy(bucket, policy); err != nil {
		return nil, fmt.Errorf("set policy at %s: %w", s.AdminURL, err)
	}
	region, err := s.region(bucket)
	if err != nil {
		return nil, err
	}
	credentials := gocosi.S3Credentials{Endpoint: s.Endpoint, Region: region, AccessKeyID: key.ID, AccessSecretKey: key.Secret}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: bucket + "/" + user, Credentials: credentials.Map()}, nil
}

// key creates an account with one key, or completes the account of an earlier call.
func (s *Server) key(user string) (store.Key, error) {
	if err := s.Store.CreateUser(user, nil); err != nil && !errors.Is(err, store.ErrExists) {
		return store.Key{}, fmt.Errorf("create user at %s: %w", s.AdminURL, err)
	}
	u, err := s.Store.User(user)
	if err != nil {
		return store.Key{}, fmt.Errorf("user at %s: %w", s.AdminURL, err)
	}
	if len(u.Keys) > 0 {
		return u.Keys[0], nil
	}
	key, err := s.Store.CreateKey(user)
	if err != nil {
		return store.Key{}, fmt.Errorf("create key at %s: %w", s.AdminURL, err)
	}
	return key, nil
}

// region returns the region for applications.
func (s *Server) region(bucket string) (string, error) {
	tags, err := s.Store.Tags(bucket)
	if err != nil {
		return "", fmt.Errorf("tags at %s: %w", s.AdminURL, err)
	}
	if tags["region"] == "" {
		return "us-east-1", nil
	}
	return tags["region"], nil
}

// DriverRevokeBucketAccess removes the account.
func (s *Server) DriverRevokeBucketAccess(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	bucket, user, ours := strings.Cut(r.GetAccountId(), "/")
	if !ours || bucket != r.GetBucketId() {
		return &cosi.DriverRevokeBucketAccessResponse{}, nil // another driver's
	}
	policy, err := s.Store.Policy(bucket)
	switch {
	case errors.Is(err, store.ErrName):
		return &cosi.DriverRevokeBucketAccessResponse{}, nil // another driver's
	case err == nil:
		delete(policy, user)
		err = s.Store.SetPolicy(bucket, policy)
	case errors.Is(err, store.ErrNotFound):
		err = nil // the bucket is gone, the account may not be
	}
	if err != nil {
		return nil, fmt.Errorf("policy at %s: %w", s.AdminURL, err)
	}
	err = s.Store.DeleteUser(user)
	if errors.Is(err, store.ErrNotFound) {
		return nil, status.Error(codes.NotFound, "user not found") // answered as OK
	}
	if err != nil {
		return nil, fmt.Errorf("delete user at %s: %w", s.AdminURL, err)
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}
