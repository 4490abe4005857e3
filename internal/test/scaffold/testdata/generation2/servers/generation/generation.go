// Package generation stands for the bindings of a made-up second generation of the protocol: ids are made before anything
// else, and a bucket's own answer tells where it is. Its messages are plain structs that travel as JSON.
package generation

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc"
)

// The messages of the calls for buckets.
type (
	GenerateBucketIDRequest  struct{ Name string }
	GenerateBucketIDResponse struct{ BucketID string }

	CreateBucketRequest struct {
		BucketID   string
		Protocols  []string // none: the driver chooses
		Parameters map[string]string
	}
	CreateBucketResponse struct{ S3 *S3 }

	GetBucketRequest struct {
		BucketID   string
		Parameters map[string]string
	}
	GetBucketResponse struct{ S3 *S3 }

	DeleteBucketRequest struct {
		BucketID   string
		Parameters map[string]string
	}
	DeleteBucketResponse struct{}

	S3 struct{ BucketID, Endpoint, Region, AddressingStyle string }
)

// The messages of the calls for accounts.
type (
	GenerateAccessIDRequest struct {
		AccountName string
		BucketIDs   []string
	}
	GenerateAccessIDResponse struct{ AccountID string }

	GrantAccessRequest struct {
		AccountID          string
		AuthenticationType string
		Buckets            []AccessedBucket
		Parameters         map[string]string
	}
	GrantAccessResponse struct {
		Buckets                      []S3
		AccessKeyID, AccessSecretKey string
	}
	AccessedBucket struct{ BucketID, AccessMode string }

	RevokeAccessRequest struct {
		AccountID string
		BucketIDs []string
	}
	RevokeAccessResponse struct{}
)

// Provisioner is the service.
type Provisioner interface {
	GenerateBucketID(context.Context, *GenerateBucketIDRequest) (*GenerateBucketIDResponse, error)
	CreateBucket(context.Context, *CreateBucketRequest) (*CreateBucketResponse, error)
	GetBucket(context.Context, *GetBucketRequest) (*GetBucketResponse, error)
	DeleteBucket(context.Context, *DeleteBucketRequest) (*DeleteBucketResponse, error)
	GenerateAccessID(context.Context, *GenerateAccessIDRequest) (*GenerateAccessIDResponse, error)
	GrantAccess(context.Context, *GrantAccessRequest) (*GrantAccessResponse, error)
	RevokeAccess(context.Context, *RevokeAccessRequest) (*RevokeAccessResponse, error)
}

// Service describes the service to a server, which needs Codec.
var Service = grpc.ServiceDesc{
	ServiceName: "generation.Provisioner",
	HandlerType: (*Provisioner)(nil),
	Methods: []grpc.MethodDesc{
		method("GenerateBucketID", Provisioner.GenerateBucketID),
		method("CreateBucket", Provisioner.CreateBucket),
		method("GetBucket", Provisioner.GetBucket),
		method("DeleteBucket", Provisioner.DeleteBucket),
		method("GenerateAccessID", Provisioner.GenerateAccessID),
		method("GrantAccess", Provisioner.GrantAccess),
		method("RevokeAccess", Provisioner.RevokeAccess),
	},
}

func method[Q, A any](name string, call func(Provisioner, context.Context, *Q) (*A, error)) grpc.MethodDesc {
	handler := func(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		request := new(Q)
		if err := decode(request); err != nil {
			return nil, err
		}
		return call(server.(Provisioner), ctx, request)
	}
	return grpc.MethodDesc{MethodName: name, Handler: handler}
}

// client calls a Provisioner over a connection.
type client struct{ conn grpc.ClientConnInterface }

// NewClient returns a Provisioner that is at the other end of the connection.
func NewClient(conn grpc.ClientConnInterface) Provisioner { return client{conn} }

func (c client) GenerateBucketID(ctx context.Context, r *GenerateBucketIDRequest) (*GenerateBucketIDResponse, error) {
	return call[GenerateBucketIDResponse](ctx, c, "GenerateBucketID", r)
}

func (c client) CreateBucket(ctx context.Context, r *CreateBucketRequest) (*CreateBucketResponse, error) {
	return call[CreateBucketResponse](ctx, c, "CreateBucket", r)
}

func (c client) GetBucket(ctx context.Context, r *GetBucketRequest) (*GetBucketResponse, error) {
	return call[GetBucketResponse](ctx, c, "GetBucket", r)
}

func (c client) DeleteBucket(ctx context.Context, r *DeleteBucketRequest) (*DeleteBucketResponse, error) {
	return call[DeleteBucketResponse](ctx, c, "DeleteBucket", r)
}

func (c client) GenerateAccessID(ctx context.Context, r *GenerateAccessIDRequest) (*GenerateAccessIDResponse, error) {
	return call[GenerateAccessIDResponse](ctx, c, "GenerateAccessID", r)
}

func (c client) GrantAccess(ctx context.Context, r *GrantAccessRequest) (*GrantAccessResponse, error) {
	return call[GrantAccessResponse](ctx, c, "GrantAccess", r)
}

func (c client) RevokeAccess(ctx context.Context, r *RevokeAccessRequest) (*RevokeAccessResponse, error) {
	return call[RevokeAccessResponse](ctx, c, "RevokeAccess", r)
}

func call[A any](ctx context.Context, c client, name string, request any) (*A, error) {
	answer := new(A)
	return answer, c.conn.Invoke(ctx, "/"+Service.ServiceName+"/"+name, request, answer, grpc.ForceCodec(Codec{}))
}

// Codec encodes messages as JSON.
type Codec struct{}

// Marshal implements gRPC's Codec.
func (Codec) Marshal(message any) ([]byte, error) { return json.Marshal(message) }

// Unmarshal implements gRPC's Codec.
func (Codec) Unmarshal(data []byte, message any) error { return json.Unmarshal(data, message) }

// Name implements gRPC's Codec.
func (Codec) Name() string { return "json" }
