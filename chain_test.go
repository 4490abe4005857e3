package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"weak"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

func TestServicesOfTheAuthor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err     error
		panics  bool
		code    codes.Code
		details int
	}{
		"success":             {},
		"status with details": {err: detailed(t, codes.NotFound, "gone"), code: codes.NotFound, details: 1},
		"code of its own":     {err: status.Error(99, "ours"), code: 99},
		"UNKNOWN":             {err: status.Error(codes.Unknown, "ours"), code: codes.Unknown},
		"already exists":      {err: status.Error(codes.AlreadyExists, "ours"), code: codes.AlreadyExists},
		"context error":       {err: fmt.Errorf("ours: %w", context.Canceled), code: codes.Canceled},
		"bare error":          {err: errors.New("ours"), code: codes.Unknown},
		"panic":               {err: errors.New(secretURL), panics: true, code: codes.Internal},
		"nil pointer":         {err: (*nilError)(nil), code: codes.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			answer := func() error {
				if tt.panics {
					panic(tt.err)
				}
				return tt.err
			}
			e := &harness.Echo{
				Unary: func(context.Context) (*wrapperspb.StringValue, error) { return wrapperspb.String("hi"), answer() },
				Stream: func(s grpc.ServerStream) error {
					if err := answer(); err != nil {
						return err
					}
					return s.SendMsg(wrapperspb.String("hi"))
				},
			}
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithServices(e.Register))
			for method, call := range map[string]func(testing.TB, *grpc.ClientConn) (string, error){
				"test.Echo/Unary": harness.CallUnary, "test.Echo/Stream": harness.CallStream,
			} {
				value, err := call(t, d.Conn)
				st := status.Convert(err)
				if st.Code() != tt.code || len(st.Details()) != tt.details || err == nil && value != "hi" {
					t.Errorf("%s: got %q, %v with %d details, want %s with %d", method, value, err, len(st.Details()), tt.code, tt.details)
				}
				line := log.OneLine(t, method)
				if !strings.Contains(line, fmt.Sprintf(`"code"=%q`, tt.code)) {
					t.Errorf("want %s: %s", tt.code, line)
				}
				if strings.Contains(line, `"stack"=`) != (tt.code == codes.Internal) {
					t.Errorf("want a stack for a panic only, got the line %s", line)
				}
			}
			if found := log.Lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
			d.Lives(t)
		})
	}
}

func TestServiceWithoutResult(t *testing.T) {
	t.Parallel()
	e := &harness.Echo{Unary: func(context.Context) (*wrapperspb.StringValue, error) { return nil, nil }}
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithServices(e.Register))
	if _, err := harness.CallUnary(t, d.Conn); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want INTERNAL", err)
	}
}

// TestKeptContextKeepsNoOtherCall keeps the context of a call that ran next to another one, as a careless handler may.
func TestKeptContextKeepsNoOtherCall(t *testing.T) {
	t.Parallel()
	chain := harness.Chain(t)
	var kept []context.Context
	call := func(name string, meanwhile func()) weak.Pointer[cosi.DriverCreateBucketRequest] {
		request := &cosi.DriverCreateBucketRequest{Name: name}
		_, err := chain.Call(t.Context(), harness.CreateMethod, request, func(ctx context.Context, _ any) (any, error) {
			meanwhile()
			if name == "kept" {
				kept = append(kept, ctx)
			}
			return &cosi.DriverCreateBucketResponse{BucketId: name}, nil
		})
		if err != nil {
			t.Error(err)
		}
		return weak.Make(request)
	}
	var younger weak.Pointer[cosi.DriverCreateBucketRequest]
	older := call("older", func() {
		call("kept", func() { younger = call("younger", func() {}) })
	})
	harness.Eventually(t, func() bool {
		runtime.GC()
		return older.Value() == nil && younger.Value() == nil
	}, "the driver keeps the calls next to the kept one, want them gone")
	runtime.KeepAlive(kept)
}

func TestInterceptors(t *testing.T) {
	t.Parallel()
	order := make(chan string, 3)
	named := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			order <- name + info.FullMethod
			return handler(ctx, request)
		}
	}
	d := harness.Start(t, &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		order <- "handler"
		return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
	}}, gocosi.WithInterceptors(named("outer"), nil), gocosi.WithInterceptors(named("inner")))
	if err := harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"outer" + harness.CreateMethod, "inner" + harness.CreateMethod, "handler"} {
		if got := <-order; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestInterceptorsAreRecoveredFrom(t *testing.T) {
	t.Parallel()
	tests := map[string]grpc.UnaryServerInterceptor{
		"panic": func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) { panic(secretURL) },
		"nil":   func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) { return nil, nil },
		"bare error": func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
			return nil, errors.New(secretURL)
		},
	}
	for name, interceptor := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithInterceptors(interceptor), gocosi.WithLogger(log.Logger()))
			err := harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket")
			if status.Code(err) != codes.Internal || strings.Contains(err.Error(), password) {
				t.Errorf("got %v, want INTERNAL without a password", err)
			}
			log.OneLine(t, "DriverCreateBucket")
			if found := log.Lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
		})
	}
}
