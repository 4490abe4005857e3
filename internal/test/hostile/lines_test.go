package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

const (
	// largest is almost what gRPC accepts as a message.
	largest = 4<<20 - 128
	// mostOfCall limits the bytes that one call may leave in the log or in its status.
	mostOfCall = 4 << 10
)

// tape keeps what a driver logs at its default verbosity.
type tape struct {
	mu    sync.Mutex
	lines []string
}

func (l *tape) logger() logr.Logger {
	return funcr.New(func(_, line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, line)
	}, funcr.Options{})
}

// take returns the lines since the last time.
func (l *tape) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// TestLineOfOneCall checks how many bytes one call leaves in the log, and gives its caller as a message.
func TestLineOfOneCall(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", largest/2)
	huge := strings.Repeat("8 MiB! ", 8<<20/7)
	fails := func(err error) *harness.Handlers {
		return &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			return nil, err
		}}
	}
	create := func(name string, parameters map[string]string) func(context.Context, *grpc.ClientConn) error {
		return func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := cosi.NewProvisionerClient(conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name, Parameters: parameters})
			return err
		}
	}
	plain := create("b", nil)
	invoke := func(method string) func(context.Context, *grpc.ClientConn) error {
		return func(ctx context.Context, conn *grpc.ClientConn) error {
			return conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
		}
	}
	nested := status.Error(codes.NotFound, huge)
	for range 20 {
		nested = fmt.Errorf("%w", nested)
	}
	for name, tt := range map[string]struct {
		call     func(context.Context, *grpc.ClientConn) error
		handlers *harness.Handlers
		options  []gocosi.Option
		code     codes.Code
		most     int // bytes; 0: mostOfCall
		quiet    bool
	}{
		"name": {call: create(long, nil), code: codes.InvalidArgument},
		"name, no rules": {
			call: create(long, nil), handlers: fails(errors.New("x")), options: []gocosi.Option{gocosi.WithoutRequestRules()}, code: codes.Internal,
		},
		"name and id, no rules": {
			call: create(long[:largest/4], nil), options: []gocosi.Option{gocosi.WithoutRequestRules(), gocosi.WithoutResponseRules()},
		},
		"id that breaks a rule": {call: plain, code: codes.Internal, handlers: &harness.Handlers{
			Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
				return &cosi.DriverCreateBucketResponse{BucketId: long}, nil
			},
		}},
		"key of a parameter":   {call: create("b", map[string]string{long: "x"}), code: codes.InvalidArgument},
		"value of a parameter": {call: create("b", map[string]string{"x": long}), code: codes.InvalidArgument},
		"key that Parameters refuses": {
			call: create("b", map[string]string{long: "x"}), options: []gocosi.Option{gocosi.WithoutRequestRules()}, code: codes.InvalidArgument,
			handlers: &harness.Handlers{Create: func(_ context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
				_, err := gocosi.Parameters(r.GetParameters(), "a")
				return nil, err
			}},
		},
		"id": {code: codes.InvalidArgument, call: func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := cosi.NewProvisionerClient(conn).DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: long})
			return err
		}},
		"account's name": {code: codes.InvalidArgument, call: func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := cosi.NewProvisionerClient(conn).DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{BucketId: "b", Name: long})
			return err
		}},
		"account's id": {code: codes.InvalidArgument, call: func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := cosi.NewProvisionerClient(conn).DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: "b", AccountId: long})
			return err
		}},
		"translated": {code: codes.OK, handlers: &harness.Handlers{
			Delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
				return nil, status.Error(codes.NotFound, huge)
			},
		}, options: []gocosi.Option{gocosi.WithoutRequestRules()}, call: func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := cosi.NewProvisionerClient(conn).DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: long})
			return err
		}},
		"bare error":      {call: plain, handlers: fails(errors.New(huge)), code: codes.Internal},
		"status":          {call: plain, handlers: fails(status.Error(codes.Unavailable, huge)), code: codes.Unavailable},
		"wrapped status":  {call: plain, handlers: fails(fmt.Errorf("%s: %w", huge, nested)), code: codes.NotFound},
		"code off limits": {call: plain, handlers: fails(status.Error(4_000_000_000, huge)), code: codes.Internal},
		"panic": {call: plain, code: codes.Internal, most: bound.Stack + mostOfCall, handlers: &harness.Handlers{
			Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
				panic(huge)
			},
		}},
		"panic deep down": {call: plain, code: codes.Internal, most: bound.Stack + mostOfCall, handlers: &harness.Handlers{
			Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
				dig(1000, huge)
				return nil, errors.New("not reached")
			},
		}},
		"method":          {call: invoke("/no.such.Service/" + strings.Repeat("m", 60<<10)), code: codes.Unimplemented},
		"service":         {call: invoke("/" + strings.Repeat("s", 60<<10) + "/Method"), code: codes.Unimplemented},
		"method of ours":  {call: invoke("/cosi.v1alpha1.Provisioner/" + strings.Repeat("m", 60<<10)), code: codes.Unimplemented},
		"method too long": {call: invoke("/no.such.Service/" + strings.Repeat("m", 64<<10)), code: codes.Internal, quiet: true},
		"no method":       {call: invoke("no-method"), code: codes.Unimplemented, quiet: true},
		"health": {code: codes.NotFound, call: func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: long})
			return err
		}},
		"own unary": {code: codes.DataLoss, call: invoke("/test.Echo/Unary"), options: []gocosi.Option{gocosi.WithServices((&harness.Echo{
			Unary: func(context.Context) (*wrapperspb.StringValue, error) { return nil, status.Error(codes.DataLoss, huge) },
		}).Register)}},
		"own stream": {code: codes.Unknown, call: streamFails, options: []gocosi.Option{gocosi.WithServices((&harness.Echo{
			Stream: func(grpc.ServerStream) error { return errors.New(huge) },
		}).Register)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log tape
			handlers := tt.handlers
			if handlers == nil {
				handlers = &harness.Handlers{}
			}
			d := harness.Start(t, handlers, append(tt.options, gocosi.WithLogger(log.logger()))...)
			harness.Eventually(t, func() bool { return len(log.take()) > 0 }, "no line at start")
			err := tt.call(harness.Timeout(t), d.Conn)
			if status.Code(err) != tt.code {
				t.Errorf("got %s %.200s, want %s", status.Code(err), status.Convert(err).Message(), tt.code)
			}
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
			lines := log.take()
			sent, logged := len(status.Convert(err).Message()), len(strings.Join(lines, "\n"))
			t.Logf("%d bytes in %d lines, and %d in the answer", logged, len(lines), sent)
			most := mostOfCall
			if tt.most > 0 {
				most = tt.most
			}
			if logged > most || sent > mostOfCall {
				t.Errorf("%d bytes of log, want at most %d; %d bytes of answer, want at most %d", logged, most, sent, mostOfCall)
			}
			if calls := strings.Count(strings.Join(lines, "\n"), `"method"=`); calls == 0 && !tt.quiet {
				t.Errorf("no line names the call: %q", lines)
			}
		})
	}
}

// dig panics at the bottom of a deep stack.
func dig(deep int, value any) {
	if deep == 0 {
		panic(value)
	}
	dig(deep-1, value)
}

func streamFails(ctx context.Context, conn *grpc.ClientConn) error {
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Stream")
	if err != nil {
		return err
	}
	return s.RecvMsg(&emptypb.Empty{})
}
