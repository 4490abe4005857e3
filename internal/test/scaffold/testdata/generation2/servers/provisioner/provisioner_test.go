package provisioner_test

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"testing"

	"github.com/doomshrine/gocosi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/acme/cosi-osp/servers/generation"
	"example.com/acme/cosi-osp/servers/provisioner"
)

// serve serves a backend over a socket and returns its client.
func serve(t *testing.T, backend provisioner.Backend) generation.Provisioner {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.ForceServerCodec(generation.Codec{}))
	s.RegisterService(&generation.Service, provisioner.New(backend))
	go s.Serve(lis)
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return generation.NewClient(conn)
}

// answered makes a call twice, expects a code and the same answer both times, and returns the answer.
func answered[Q, A any](t *testing.T, want codes.Code, call func(context.Context, *Q) (*A, error), request *Q) *A {
	t.Helper()
	var answers [2]*A
	for i := range answers {
		answer, err := call(t.Context(), request)
		if status.Code(err) != want {
			t.Fatalf("%T: %v, want %v", request, err, want)
		}
		answers[i] = answer
	}
	if !reflect.DeepEqual(answers[0], answers[1]) {
		t.Errorf("%T: a repeat is answered with %+v, want %+v", request, answers[1], answers[0])
	}
	return answers[0]
}

type (
	create = generation.CreateBucketRequest
	remove = generation.DeleteBucketRequest
	grant  = generation.GrantAccessRequest
	revoke = generation.RevokeAccessRequest
)

func request(account, mode string, ids ...string) *grant {
	r := &grant{AccountID: account, AuthenticationType: "KEY"}
	for _, id := range ids {
		r.Buckets = append(r.Buckets, generation.AccessedBucket{BucketID: id, AccessMode: mode})
	}
	return r
}

// TestLife makes two ids, a bucket and an access, and removes them. It makes every call twice.
func TestLife(t *testing.T) {
	p := serve(t, provisioner.NewMemory())
	answered(t, codes.InvalidArgument, p.GenerateBucketID, &generation.GenerateBucketIDRequest{})
	id := answered(t, codes.OK, p.GenerateBucketID, &generation.GenerateBucketIDRequest{Name: "bc-1"}).BucketID
	other := answered(t, codes.OK, p.GenerateBucketID, &generation.GenerateBucketIDRequest{Name: "bc-2"}).BucketID
	if id == "" || id == other {
		t.Errorf("two names have the ids %q and %q, want two", id, other)
	}
	account := answered(t, codes.OK, p.GenerateAccessID, &generation.GenerateAccessIDRequest{AccountName: "ba-1", BucketIDs: []string{id}}).AccountID
	answered(t, codes.OutOfRange, p.GenerateAccessID, &generation.GenerateAccessIDRequest{AccountName: "ba-1", BucketIDs: []string{id, other}})

	// Ids alone make nothing, and can be deleted and revoked.
	answered(t, codes.NotFound, p.GrantAccess, request(account, "READ_WRITE", id))
	answered(t, codes.OK, p.RevokeAccess, &revoke{AccountID: account, BucketIDs: []string{id}})
	answered(t, codes.OK, p.DeleteBucket, &remove{BucketID: id})

	answered(t, codes.InvalidArgument, p.CreateBucket, &create{BucketID: id, Protocols: []string{"AZURE"}})
	answered(t, codes.InvalidArgument, p.CreateBucket, &create{BucketID: id, Parameters: map[string]string{"regoin": "north-1"}})
	bucket := answered(t, codes.OK, p.CreateBucket, &create{BucketID: id, Parameters: map[string]string{"region": "north-1"}}).S3
	if bucket.BucketID != id || bucket.Region != "north-1" || bucket.Endpoint == "" {
		t.Errorf("the bucket is %+v, want %s, a region and an endpoint", bucket, id)
	}
	answered(t, codes.AlreadyExists, p.CreateBucket, &create{BucketID: id, Parameters: map[string]string{"region": "south-1"}})
	if s3 := answered(t, codes.OK, p.CreateBucket, &create{BucketID: other}).S3; s3.Region == "" {
		t.Error("a bucket without parameters has no region, want one")
	}
	answered(t, codes.Unimplemented, p.GetBucket, &generation.GetBucketRequest{BucketID: id})

	answered(t, codes.OutOfRange, p.GrantAccess, request(account, "READ_WRITE", id, other))
	answered(t, codes.InvalidArgument, p.GrantAccess, request(account, "WRITE_ONLY", id))
	access := answered(t, codes.OK, p.GrantAccess, request(account, "READ_WRITE", id))
	if access.AccessKeyID == "" || access.AccessSecretKey == "" || !reflect.DeepEqual(access.Buckets, []generation.S3{*bucket}) {
		t.Errorf("the grant answers %+v, want keys and what the bucket's answer said: %+v", access.Buckets, bucket)
	}
	answered(t, codes.AlreadyExists, p.GrantAccess, request(account, "READ_ONLY", id))
	answered(t, codes.OK, p.RevokeAccess, &revoke{AccountID: account, BucketIDs: []string{id}})
	answered(t, codes.OK, p.GrantAccess, request(account, "READ_ONLY", id))

	answered(t, codes.OK, p.DeleteBucket, &remove{BucketID: id})
	answered(t, codes.OK, p.RevokeAccess, &revoke{AccountID: account, BucketIDs: []string{id}})
	answered(t, codes.NotFound, p.GrantAccess, request(account, "READ_ONLY", id))
}

// away is a store that cannot be reached.
type away struct{ *provisioner.Memory }

func (away) CreateBucket(context.Context, string, map[string]string) (provisioner.Location, error) {
	return provisioner.Location{}, errAway
}

func (away) DeleteBucket(context.Context, string) error { return errAway }

func (away) Grant(context.Context, string, string, map[string]string) (gocosi.S3Credentials, error) {
	return gocosi.S3Credentials{}, errAway
}

func (away) Revoke(context.Context, string, string) error { return errAway }

var errAway = fmt.Errorf("connection refused: %w", provisioner.ErrUnavailable)

// TestAway makes ids without a store, and finds that everything else is UNAVAILABLE.
func TestAway(t *testing.T) {
	p := serve(t, away{provisioner.NewMemory()})
	id := answered(t, codes.OK, p.GenerateBucketID, &generation.GenerateBucketIDRequest{Name: "bc-1"}).BucketID
	account := answered(t, codes.OK, p.GenerateAccessID, &generation.GenerateAccessIDRequest{AccountName: "ba-1"}).AccountID
	answered(t, codes.Unavailable, p.CreateBucket, &create{BucketID: id})
	answered(t, codes.Unavailable, p.GrantAccess, request(account, "READ_WRITE", id))
	answered(t, codes.Unavailable, p.RevokeAccess, &revoke{AccountID: account, BucketIDs: []string{id}})
	answered(t, codes.Unavailable, p.DeleteBucket, &remove{BucketID: id})
}
