// Package provisioner answers the calls of a made-up second generation with a Backend.
package provisioner

import (
	"context"
	"errors"
	"regexp"

	"github.com/doomshrine/gocosi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/acme/cosi-osp/servers/generation"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

type server struct {
	backend Backend
}

// New returns the Provisioner server.
func New(backend Backend) generation.Provisioner {
	return &server{backend: backend}
}

// GenerateBucketID asks no store.
func (s *server) GenerateBucketID(_ context.Context, r *generation.GenerateBucketIDRequest) (*generation.GenerateBucketIDResponse, error) {
	if !bucketName.MatchString(r.Name) {
		return nil, status.Errorf(codes.InvalidArgument, "name %.80q is not a bucket name", r.Name)
	}
	return &generation.GenerateBucketIDResponse{BucketID: s.backend.BucketID(r.Name)}, nil
}

func (s *server) CreateBucket(ctx context.Context, r *generation.CreateBucketRequest) (*generation.CreateBucketResponse, error) {
	if r.BucketID == "" {
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	}
	for _, protocol := range r.Protocols {
		if protocol != "S3" {
			return nil, status.Errorf(codes.InvalidArgument, "protocol %.80q is not supported; want S3", protocol)
		}
	}
	parameters, err := gocosi.Parameters(r.Parameters, "region")
	if err != nil {
		return nil, err
	}
	location, err := s.backend.CreateBucket(ctx, r.BucketID, parameters)
	if err != nil {
		return nil, answer(err)
	}
	return &generation.CreateBucketResponse{S3: s3(r.BucketID, location)}, nil
}

// GetBucket is the one call that Backend has no method for: nothing in it looks for a bucket without making one.
func (*server) GetBucket(context.Context, *generation.GetBucketRequest) (*generation.GetBucketResponse, error) {
	return nil, status.Error(codes.Unimplemented, "buckets that were made elsewhere are not supported")
}

func (s *server) DeleteBucket(ctx context.Context, r *generation.DeleteBucketRequest) (*generation.DeleteBucketResponse, error) {
	if r.BucketID == "" {
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	}
	if err := s.backend.DeleteBucket(ctx, r.BucketID); err != nil {
		return nil, answer(err)
	}
	return &generation.DeleteBucketResponse{}, nil
}

// GenerateAccessID asks no store: an account's id is its name.
func (*server) GenerateAccessID(_ context.Context, r *generation.GenerateAccessIDRequest) (*generation.GenerateAccessIDResponse, error) {
	if r.AccountName == "" {
		return nil, status.Error(codes.InvalidArgument, "account_name is required")
	}
	if len(r.BucketIDs) > 1 {
		return nil, status.Error(codes.OutOfRange, "an account has one bucket")
	}
	return &generation.GenerateAccessIDResponse{AccountID: r.AccountName}, nil
}

func (s *server) GrantAccess(ctx context.Context, r *generation.GrantAccessRequest) (*generation.GrantAccessResponse, error) {
	switch {
	case r.AccountID == "":
		return nil, status.Error(codes.InvalidArgument, "account_id is required")
	case r.AuthenticationType != "KEY":
		return nil, status.Errorf(codes.InvalidArgument, "authentication_type %.80q is not supported; want KEY", r.AuthenticationType)
	case len(r.Buckets) == 0 || r.Buckets[0].BucketID == "":
		return nil, status.Error(codes.InvalidArgument, "a bucket is required")
	case len(r.Buckets) > 1:
		return nil, status.Error(codes.OutOfRange, "an account has one bucket")
	}
	parameters, err := gocosi.Parameters(r.Parameters)
	if err != nil {
		return nil, err
	}
	switch mode := r.Buckets[0].AccessMode; mode {
	case "READ_WRITE": // what a grant without parameters gives
	case "READ_ONLY":
		parameters["access"] = "readonly"
	default:
		return nil, status.Errorf(codes.InvalidArgument, "access_mode %.80q is not supported; want READ_WRITE or READ_ONLY", mode)
	}
	id := r.Buckets[0].BucketID
	credentials, err := s.backend.Grant(ctx, id, r.AccountID, parameters)
	if err != nil {
		return nil, answer(err)
	}
	return &generation.GrantAccessResponse{
		Buckets:         []generation.S3{*s3(id, Location{Region: credentials.Region, Endpoint: credentials.Endpoint})},
		AccessKeyID:     credentials.AccessKeyID,
		AccessSecretKey: credentials.AccessSecretKey,
	}, nil
}

func (s *server) RevokeAccess(ctx context.Context, r *generation.RevokeAccessRequest) (*generation.RevokeAccessResponse, error) {
	if r.AccountID == "" || len(r.BucketIDs) == 0 {
		return nil, status.Error(codes.InvalidArgument, "account_id and a bucket are required")
	}
	for _, id := range r.BucketIDs {
		if err := s.backend.Revoke(ctx, id, r.AccountID); err != nil {
			return nil, answer(err)
		}
	}
	return &generation.RevokeAccessResponse{}, nil
}

func s3(id string, l Location) *generation.S3 {
	return &generation.S3{BucketID: id, Endpoint: l.Endpoint, Region: l.Region, AddressingStyle: "PATH"}
}

// answer gives each kind of error this generation's code for it.
func answer(err error) error {
	switch {
	case errors.Is(err, ErrExists):
		return status.Error(codes.AlreadyExists, "exists, and differs from what is asked for")
	case errors.Is(err, ErrNotFound):
		return status.Error(codes.NotFound, "the bucket does not exist")
	case errors.Is(err, ErrUnavailable):
		return status.Error(codes.Unavailable, "the store is unavailable")
	case errors.Is(err, ErrNotEmpty):
		return status.Error(codes.FailedPrecondition, "the bucket holds objects")
	case errors.Is(err, ErrExhausted):
		return status.Error(codes.ResourceExhausted, "a quota of the store is used up")
	case errors.Is(err, ErrDenied):
		return status.Error(codes.PermissionDenied, "the store refuses the driver's key")
	}
	return status.Error(codes.Internal, "internal error")
}
