package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// raw sends bytes as they are, and drops what it receives.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (raw) Unmarshal(mem.BufferSlice, any) error { return nil }

// TestBadMessages sends what is no request, or has no answer that can be sent. Caller and log have to say the same.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	const create = "/cosi.v1alpha1.Provisioner/DriverCreateBucket"
	bytes := func(method string, message []byte) func(context.Context, *grpc.ClientConn) error {
		return func(ctx context.Context, conn *grpc.ClientConn) error {
			return conn.Invoke(ctx, method, message, nil, grpc.ForceCodecV2(raw{}))
		}
	}
	truncated := []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 'x'}
	notUTF8 := []byte{0x0a, 0x01, 0xff}
	huge := make([]byte, 5<<20)
	grants := func(account string, details map[string]*cosi.CredentialDetails) *harness.Handlers {
		return &harness.Handlers{Grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
			return &cosi.DriverGrantBucketAccessResponse{AccountId: account, Credentials: details}, nil
		}}
	}
	key := func(id string) map[string]*cosi.CredentialDetails {
		return map[string]*cosi.CredentialDetails{"s3": {Secrets: map[string]string{
			"accessKeyID": id, "accessSecretKey": "x", "endpoint": "https://s3.example.com", "region": "r",
		}}}
	}
	grant := func(ctx context.Context, conn *grpc.ClientConn) error {
		return harness.CallMethod(ctx, conn, "DriverGrantBucketAccess")
	}
	creates := func(id string, info *cosi.Protocol) *harness.Handlers {
		return &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			return &cosi.DriverCreateBucketResponse{BucketId: id, BucketInfo: info}, nil
		}}
	}
	makes := func(ctx context.Context, conn *grpc.ClientConn) error {
		return harness.CallMethod(ctx, conn, "DriverCreateBucket")
	}
	echo := func(unary func(context.Context) (*wrapperspb.StringValue, error)) []gocosi.Option {
		return []gocosi.Option{gocosi.WithServices((&harness.Echo{Unary: unary}).Register)}
	}
	own := func(ctx context.Context, conn *grpc.ClientConn) error {
		return conn.Invoke(ctx, "/test.Echo/Unary", &emptypb.Empty{}, &wrapperspb.StringValue{})
	}
	lax := []gocosi.Option{gocosi.WithoutResponseRules(), gocosi.WithoutRequestRules()}
	for name, tt := range map[string]struct {
		call     func(context.Context, *grpc.ClientConn) error
		handlers *harness.Handlers
		options  []gocosi.Option
		code     codes.Code
		logged   string // the method
	}{
		"too large":                    {call: bytes(create, huge), code: codes.ResourceExhausted, logged: "DriverCreateBucket"},
		"too large for an interceptor": {call: bytes(create, huge), code: codes.ResourceExhausted, logged: "DriverCreateBucket", options: []gocosi.Option{gocosi.WithServerOptions(grpc.UnaryInterceptor(passOn))}},
		"too large for health":         {call: bytes("/grpc.health.v1.Health/Check", huge), code: codes.ResourceExhausted, logged: "grpc.health.v1.Health/Check"},
		"truncated":                    {call: bytes(create, truncated), code: codes.Internal, logged: "DriverCreateBucket"},
		"truncated for a watch":        {call: bytes("/grpc.health.v1.Health/Watch", truncated), code: codes.Internal, logged: "grpc.health.v1.Health/Watch"},
		"request is not UTF-8":         {call: bytes(create, notUTF8), code: codes.Internal, logged: "DriverCreateBucket"},
		"account_id is not UTF-8":      {call: grant, handlers: grants("a\xff", key("k")), code: codes.Internal, logged: "DriverGrantBucketAccess"},
		"secret is not UTF-8":          {call: grant, handlers: grants("a", key("k\xff")), code: codes.Internal, logged: "DriverGrantBucketAccess"},
		"secret is not UTF-8, no rules": {
			call: grant, handlers: grants("a", key("k\xff")), code: codes.Internal, logged: "DriverGrantBucketAccess", options: lax,
		},
		"credentials' key is not UTF-8, no rules": {
			call: grant, handlers: grants("a", map[string]*cosi.CredentialDetails{"s\xff": {}}), code: codes.Internal, logged: "DriverGrantBucketAccess", options: lax,
		},
		"credentials are nil, no rules": {
			call: grant, handlers: grants("a", map[string]*cosi.CredentialDetails{"s3": nil}), code: codes.OK, logged: "DriverGrantBucketAccess", options: lax,
		},
		"bucket_id is not UTF-8": {call: makes, handlers: creates("b\xff", nil), code: codes.Internal, logged: "DriverCreateBucket"},
		"region is not UTF-8": {
			call: makes, code: codes.Internal, logged: "DriverCreateBucket",
			handlers: creates("b", &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: "\xff"}}}),
		},
		"protocol is hollow, no rules": {
			call: makes, handlers: creates("b", &cosi.Protocol{Type: (*cosi.Protocol_S3)(nil)}), code: codes.Internal, logged: "DriverCreateBucket", options: lax,
		},
		"own answer is not UTF-8": {
			call: own, code: codes.Internal, logged: "test.Echo/Unary",
			options: echo(func(context.Context) (*wrapperspb.StringValue, error) { return wrapperspb.String("\xff"), nil }),
		},
		"own answer is nil": {
			call: own, code: codes.Internal, logged: "test.Echo/Unary",
			options: echo(func(context.Context) (*wrapperspb.StringValue, error) { return nil, nil }),
		},
		"status is not UTF-8": {call: makes, code: codes.Internal, logged: "DriverCreateBucket", handlers: &harness.Handlers{
			Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
				return nil, errors.New("\xff\xfe")
			},
		}},
		"deadline is over": {call: func(ctx context.Context, conn *grpc.ClientConn) error {
			ctx = metadata.AppendToOutgoingContext(ctx, "x", "y")
			ctx, cancel := context.WithDeadline(ctx, time.Now().Add(time.Nanosecond))
			defer cancel()
			return conn.Invoke(ctx, create, &cosi.DriverCreateBucketRequest{Name: "b"}, &emptypb.Empty{})
		}, code: codes.DeadlineExceeded},
		"1 MiB of headers": {call: func(ctx context.Context, conn *grpc.ClientConn) error {
			ctx = metadata.AppendToOutgoingContext(ctx, "x", strings.Repeat("y", 1<<20))
			return conn.Invoke(ctx, create, &cosi.DriverCreateBucketRequest{Name: "b"}, &emptypb.Empty{})
		}, code: codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			handlers := tt.handlers
			if handlers == nil {
				handlers = &harness.Handlers{}
			}
			d := harness.Start(t, handlers, append(tt.options, gocosi.WithLogger(log.Logger()))...)
			d.Lives(t) // the client learns the server's limits
			err := tt.call(harness.Timeout(t), d.Conn)
			if status.Code(err) != tt.code {
				t.Errorf("got %.300v, want %s", err, tt.code)
			}
			t.Logf("%.200v", err)
			d.Lives(t)
			if tt.logged == "" {
				return
			}
			want := fmt.Sprintf(`"code"=%q`, tt.code)
			if line := log.OneLine(t, tt.logged); !strings.Contains(line, want) {
				t.Errorf("the log says %.300s, want %s", line, want)
			}
		})
	}
}
