package gocosi_test

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
	soakIdentity    = "/cosi.v1alpha1.Identity/"
	soakProvisioner = "/cosi.v1alpha1.Provisioner/"
	soakHot         = 8 // buckets that callers compete for
	soakHotName     = "bucket-hot-"
)

// soakCall is a call and the answer that it must get.
type soakCall struct {
	method  string
	bucket  string // of a call that has a plan
	request any
	reply   proto.Message
	options []grpc.CallOption

	code   codes.Code
	says   string        // the message of a failure, or how it begins
	answer proto.Message // of a success
}

// soakKind makes calls of one kind.
type soakKind struct {
	weight int
	make   func(r *rand.Rand, nonce string) soakCall
}

var soakKinds = []soakKind{
	{20, soakCreate},
	{20, soakDelete},
	{20, soakGrant},
	{20, soakRevoke},
	{6, soakInfo},
	{4, soakHealth},
	{5, soakRefused},
	{2, soakUnserved},
	{2, soakGarbled},
	{1, soakTooLarge},
}

// soakPick makes a call of any kind.
func soakPick(r *rand.Rand, nonce string) soakCall {
	n := r.IntN(100)
	for _, k := range soakKinds {
		if n -= k.weight; n < 0 {
			return k.make(r, nonce)
		}
	}
	panic("the weights do not add up to 100")
}

// soakName is a bucket that nobody else has, or at times one that many want.
func soakName(r *rand.Rand, nonce string) string {
	if r.IntN(8) == 0 {
		return fmt.Sprint(soakHotName, r.IntN(soakHot))
	}
	return "bucket-" + nonce
}

// soakPlanned draws a plan.
func soakPlanned(r *rand.Rand, nonce string) soakPlan {
	p := soakPlan{nonce: nonce, code: codes.Code(1 + r.IntN(16)), lasts: time.Duration(1+r.IntN(30)) * time.Millisecond}
	total := 0
	for _, weight := range soakActs {
		total += weight
	}
	n := r.IntN(total)
	for act, weight := range soakActs {
		if n -= weight; n < 0 && p.act == "" {
			p.act = act
		}
	}
	return p
}

// planned is a call of the Provisioner whose handler follows the plan.
func planned(method, bucket string, p soakPlan, request, reply, answer proto.Message) soakCall {
	code, says := soakSaid(method, p)
	return soakCall{
		method: soakProvisioner + method, bucket: bucket, request: request, reply: reply,
		code: code, says: says, answer: answer,
	}
}

func soakCreate(r *rand.Rand, nonce string) soakCall {
	p := soakPlanned(r, nonce)
	q := &cosi.DriverCreateBucketRequest{Name: soakName(r, nonce), Parameters: p.parameters()}
	return planned("DriverCreateBucket", q.GetName(), p, q, &cosi.DriverCreateBucketResponse{}, soakBucket(q))
}

func soakDelete(r *rand.Rand, nonce string) soakCall {
	p := soakPlanned(r, nonce)
	q := &cosi.DriverDeleteBucketRequest{BucketId: soakName(r, nonce), DeleteContext: p.parameters()}
	return planned("DriverDeleteBucket", q.GetBucketId(), p, q, &cosi.DriverDeleteBucketResponse{}, &cosi.DriverDeleteBucketResponse{})
}

func soakGrant(r *rand.Rand, nonce string) soakCall {
	p := soakPlanned(r, nonce)
	q := &cosi.DriverGrantBucketAccessRequest{
		BucketId: soakName(r, nonce), Name: "ba-" + nonce, Parameters: p.parameters(),
		AuthenticationType: cosi.AuthenticationType_Key,
	}
	return planned("DriverGrantBucketAccess", q.GetBucketId(), p, q, &cosi.DriverGrantBucketAccessResponse{}, soakAccess(q))
}

func soakRevoke(r *rand.Rand, nonce string) soakCall {
	p := soakPlanned(r, nonce)
	q := &cosi.DriverRevokeBucketAccessRequest{BucketId: soakName(r, nonce), AccountId: "ba-" + nonce, RevokeAccessContext: p.parameters()}
	return planned("DriverRevokeBucketAccess", q.GetBucketId(), p, q, &cosi.DriverRevokeBucketAccessResponse{}, &cosi.DriverRevokeBucketAccessResponse{})
}

func soakInfo(*rand.Rand, string) soakCall {
	return soakCall{
		method: soakIdentity + "DriverGetInfo", request: &cosi.DriverGetInfoRequest{}, reply: &cosi.DriverGetInfoResponse{},
		answer: &cosi.DriverGetInfoResponse{Name: "soak.example.com"},
	}
}

func soakHealth(*rand.Rand, string) soakCall {
	return soakCall{
		method: healthpb.Health_Check_FullMethodName, request: &healthpb.HealthCheckRequest{}, reply: &healthpb.HealthCheckResponse{},
		answer: &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING},
	}
}

// soakRefused breaks one rule of the requests.
func soakRefused(r *rand.Rand, nonce string) soakCall {
	long := strings.Repeat("x", 129)
	refusals := []soakCall{
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
	c.method, c.reply, c.code = soakProvisioner+c.method, &emptypb.Empty{}, codes.InvalidArgument
	return c
}

// soakUnserved calls what the driver does not have, by ever new names.
func soakUnserved(_ *rand.Rand, nonce string) soakCall {
	return soakCall{
		method: soakProvisioner + "Driver" + nonce, request: &emptypb.Empty{}, reply: &emptypb.Empty{},
		code: codes.Unimplemented, says: fmt.Sprintf("%q is not served; this driver serves ", soakProvisioner+"Driver"+nonce),
	}
}

// soakBytes is a codec that sends bytes as they are.
type soakBytes struct{}

func (soakBytes) Name() string                  { return "proto" }
func (soakBytes) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (soakBytes) Unmarshal([]byte, any) error   { return nil }

// soakGarbled sends what is no message.
func soakGarbled(*rand.Rand, string) soakCall {
	return soakCall{
		method: soakProvisioner + "DriverCreateBucket", request: []byte("\xff\xff\xff\xff garbled"), reply: &emptypb.Empty{},
		options: []grpc.CallOption{grpc.ForceCodec(soakBytes{})},
		code:    codes.Internal, says: "grpc: failed to unmarshal the received message",
	}
}

// soakTooLarge sends more than gRPC takes.
func soakTooLarge(r *rand.Rand, nonce string) soakCall {
	if r.IntN(20) != 0 {
		return soakInfo(r, nonce)
	}
	return soakCall{
		method: soakProvisioner + "DriverCreateBucket", request: make([]byte, 4<<20+1), reply: &emptypb.Empty{},
		options: []grpc.CallOption{grpc.ForceCodec(soakBytes{})},
		code:    codes.ResourceExhausted, says: "grpc: received message larger than max",
	}
}

// send makes the call.
func (c *soakCall) send(ctx context.Context, conn grpc.ClientConnInterface, options ...grpc.CallOption) error {
	return conn.Invoke(ctx, c.method, c.request, c.reply, append(options, c.options...)...)
}

// fresh says whether the call is for a bucket that no other call is for.
func (c *soakCall) fresh() bool { return c.bucket != "" && !strings.HasPrefix(c.bucket, soakHotName) }

// wrong says what is wrong with an answer; "" when nothing is.
func (c *soakCall) wrong(err error) string {
	got := status.Convert(err)
	switch {
	case strings.Contains(got.Message(), soakSecret):
		return fmt.Sprintf("%s tells a secret: %v", c.method, err)
	case len(got.Details()) > 0:
		return fmt.Sprintf("%s is answered with details: %v", c.method, got.Details())
	case got.Code() != c.code || !strings.HasPrefix(got.Message(), c.says):
		return fmt.Sprintf("%s is answered with %v; want %s %q", c.method, err, c.code, c.says)
	case err == nil && !proto.Equal(c.reply, c.answer):
		return fmt.Sprintf("%s is answered with %v; want %v", c.method, c.reply, c.answer)
	}
	return ""
}
