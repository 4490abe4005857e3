package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

const (
	identity    = "/cosi.v1alpha1.Identity/"
	provisioner = "/cosi.v1alpha1.Provisioner/"
	hotBuckets  = 8 // buckets that callers compete for
	hotPrefix   = "bucket-hot-"
)

// call holds a call and the answer that it must get.
type call struct {
	method  string
	bucket  string // set for a call with a plan
	request any
	reply   proto.Message
	options []grpc.CallOption

	code   codes.Code
	says   string        // begins the message of a failure
	answer proto.Message // expected for a success
}

// kind makes calls of one kind.
type kind struct {
	weight int
	build  func(r *rand.Rand, nonce string) call
}

var kinds = []kind{
	{20, newCreate},
	{20, newDelete},
	{20, newGrant},
	{20, newRevoke},
	{6, newInfo},
	{4, newHealth},
	{5, newRefused},
	{2, newUnserved},
	{2, newGarbled},
	{1, newTooLarge},
}

// pick makes a call of any kind.
func pick(r *rand.Rand, nonce string) call {
	n := r.IntN(100)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			return k.build(r, nonce)
		}
	}
	panic("the weights do not add up to 100")
}

// bucketName names a new bucket, or sometimes a bucket that many callers use.
func bucketName(r *rand.Rand, nonce string) string {
	if r.IntN(8) == 0 {
		return fmt.Sprint(hotPrefix, r.IntN(hotBuckets))
	}
	return "bucket-" + nonce
}

// drawPlan draws a plan.
func drawPlan(r *rand.Rand, nonce string) plan {
	p := plan{nonce: nonce, code: codes.Code(1 + r.IntN(16)), lasts: time.Duration(1+r.IntN(30)) * time.Millisecond}
	total := 0
	for _, weight := range acts {
		total += weight
	}
	n := r.IntN(total)
	for act, weight := range acts {
		if n -= weight; n < 0 && p.act == "" {
			p.act = act
		}
	}
	return p
}

// planned makes a call of the Provisioner with a plan for the handler.
func planned(method, bucket string, p plan, request, reply, answer proto.Message) call {
	code, says := expected(method, p)
	return call{
		method: provisioner + method, bucket: bucket, request: request, reply: reply,
		code: code, says: says, answer: answer,
	}
}

func newCreate(r *rand.Rand, nonce string) call {
	p := drawPlan(r, nonce)
	q := &cosi.DriverCreateBucketRequest{Name: bucketName(r, nonce), Parameters: p.parameters()}
	return planned("DriverCreateBucket", q.GetName(), p, q, &cosi.DriverCreateBucketResponse{}, createAnswer(q))
}

func newDelete(r *rand.Rand, nonce string) call {
	p := drawPlan(r, nonce)
	q := &cosi.DriverDeleteBucketRequest{BucketId: bucketName(r, nonce), DeleteContext: p.parameters()}
	return planned("DriverDeleteBucket", q.GetBucketId(), p, q, &cosi.DriverDeleteBucketResponse{}, &cosi.DriverDeleteBucketResponse{})
}

func newGrant(r *rand.Rand, nonce string) call {
	p := drawPlan(r, nonce)
	q := &cosi.DriverGrantBucketAccessRequest{
		BucketId: bucketName(r, nonce), Name: "ba-" + nonce, Parameters: p.parameters(),
		AuthenticationType: cosi.AuthenticationType_Key,
	}
	return planned("DriverGrantBucketAccess", q.GetBucketId(), p, q, &cosi.DriverGrantBucketAccessResponse{}, grantAnswer(q))
}

func newRevoke(r *rand.Rand, nonce string) call {
	p := drawPlan(r, nonce)
	q := &cosi.DriverRevokeBucketAccessRequest{BucketId: bucketName(r, nonce), AccountId: "ba-" + nonce, RevokeAccessContext: p.parameters()}
	return planned("DriverRevokeBucketAccess", q.GetBucketId(), p, q, &cosi.DriverRevokeBucketAccessResponse{}, &cosi.DriverRevokeBucketAccessResponse{})
}

func newInfo(*rand.Rand, string) call {
	return call{
		method: identity + "DriverGetInfo", request: &cosi.DriverGetInfoRequest{}, reply: &cosi.DriverGetInfoResponse{},
		answer: &cosi.DriverGetInfoResponse{Name: "soak.example.com"},
	}
}

func newHealth(*rand.Rand, string) call {
	return call{
		method: healthpb.Health_Check_FullMethodName, request: &healthpb.HealthCheckRequest{}, reply: &healthpb.HealthCheckResponse{},
		answer: &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING},
	}
}

// newRefused makes a call that breaks a rule of the requests.
func newRefused(r *rand.Rand, nonce string) call {
	long := strings.Repeat("x", 129)
	refusals := []call{
		{method: "DriverCreateBucket", request: &cosi.DriverCreateBucketRequest{}, says: "name is required (CREATE-2)"},
		{method: "DriverCreateBucket", request: &cosi.DriverCreateBucketRequest{Name: long}, says: "name has 129 bytes"},
		{method: "DriverCreateBucket", request: &cosi.DriverCreateBucketRequest{
			Name: nonce, Parameters: map[string]string{"k": strings.Repeat("x", 4096)},
		}, says: "parameters has 4097 bytes"},
		{method: "DriverDeleteBucket", request: &cosi.DriverDeleteBucketRequest{}, says: "bucket_id is required (DELETE-1)"},
		{method: "DriverGrantBucketAccess", request: &cosi.DriverGrantBucketAccessRequest{
			BucketId: nonce, Name: nonce, AuthenticationType: 99,
		}, says: "authentication_type is 99"},
		{method: "DriverRevokeBucketAccess", request: &cosi.DriverRevokeBucketAccessRequest{BucketId: nonce}, says: "account_id is required (REVOKE-2)"},
	}
	c := refusals[r.IntN(len(refusals))]
	c.method, c.reply, c.code = provisioner+c.method, &emptypb.Empty{}, codes.InvalidArgument
	return c
}

// newUnserved makes a call of a method that no driver serves. Each call has a new method name.
func newUnserved(_ *rand.Rand, nonce string) call {
	return call{
		method: provisioner + "Driver" + nonce, request: &emptypb.Empty{}, reply: &emptypb.Empty{},
		code: codes.Unimplemented, says: fmt.Sprintf("%q is not served; this driver serves ", provisioner+"Driver"+nonce),
	}
}

// rawCodec sends bytes unchanged.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (rawCodec) Unmarshal([]byte, any) error   { return nil }

// newGarbled makes a call with bytes that are not a message.
func newGarbled(*rand.Rand, string) call {
	return call{
		method: provisioner + "DriverCreateBucket", request: []byte("\xff\xff\xff\xff garbled"), reply: &emptypb.Empty{},
		options: []grpc.CallOption{grpc.ForceCodec(rawCodec{})},
		code:    codes.Internal, says: "grpc: failed to unmarshal the received message",
	}
}

// newTooLarge makes a call that is too large for gRPC. It rarely does so, because such a call is expensive.
func newTooLarge(r *rand.Rand, nonce string) call {
	if r.IntN(20) != 0 {
		return newInfo(r, nonce)
	}
	return call{
		method: provisioner + "DriverCreateBucket", request: make([]byte, 4<<20+1), reply: &emptypb.Empty{},
		options: []grpc.CallOption{grpc.ForceCodec(rawCodec{})},
		code:    codes.ResourceExhausted, says: "grpc: received message larger than max",
	}
}

// send makes the call.
func (c *call) send(ctx context.Context, conn grpc.ClientConnInterface, options ...grpc.CallOption) error {
	return conn.Invoke(ctx, c.method, c.request, c.reply, append(options, c.options...)...)
}

// fresh reports whether no other call uses the bucket.
func (c *call) fresh() bool { return c.bucket != "" && !strings.HasPrefix(c.bucket, hotPrefix) }

// wrong describes what is wrong with an answer. It returns "" for a correct answer.
func (c *call) wrong(err error) string {
	got := status.Convert(err)
	switch {
	case strings.Contains(got.Message(), secret):
		return fmt.Sprintf("%s returns a secret: %v; want none", c.method, err)
	case len(got.Details()) > 0:
		return fmt.Sprintf("%s returns the details %v; want none", c.method, got.Details())
	case got.Code() != c.code || !strings.HasPrefix(got.Message(), c.says):
		return fmt.Sprintf("%s returns %v; want %s %q", c.method, err, c.code, c.says)
	case err == nil && !proto.Equal(c.reply, c.answer):
		return fmt.Sprintf("%s returns %v; want %v", c.method, c.reply, c.answer)
	}
	return ""
}
