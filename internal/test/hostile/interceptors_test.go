package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// TestOddInterceptors tries interceptors that do with their handler what nobody expects, inside of the library's stages and
// outside of them. Every call is answered, and the log says the same as the answer.
func TestOddInterceptors(t *testing.T) {
	t.Parallel()
	type handler = func(context.Context, any) (any, error)
	ok, answer := codes.OK, &cosi.DriverCreateBucketResponse{BucketId: "x", BucketInfo: harness.S3Info()}
	for name, tt := range map[string]struct {
		do            func(ctx context.Context, request any, handler handler) (any, error)
		inside, outer codes.Code
	}{
		"twice": {func(ctx context.Context, request any, h handler) (any, error) {
			_, _ = h(ctx, request)
			return h(ctx, request)
		}, ok, ok},
		"twice, first with nil": {func(ctx context.Context, request any, h handler) (any, error) {
			_, _ = h(ctx, nil) // inside, this panics as generated code does
			return h(ctx, request)
		}, codes.Internal, ok},
		"with nil": {func(ctx context.Context, _ any, h handler) (any, error) { return h(ctx, nil) }, codes.Internal, codes.Internal},
		"with another message": {func(ctx context.Context, _ any, h handler) (any, error) {
			return h(ctx, &cosi.DriverGetInfoRequest{})
		}, codes.Internal, codes.Internal},
		"never":                  {func(context.Context, any, handler) (any, error) { return answer, nil }, ok, ok},
		"never, nothing":         {func(context.Context, any, handler) (any, error) { return nil, nil }, codes.Internal, codes.Internal},
		"never, another message": {func(context.Context, any, handler) (any, error) { return &cosi.DriverGetInfoResponse{}, nil }, codes.Internal, codes.Internal},
		"never, no message":      {func(context.Context, any, handler) (any, error) { return "text", nil }, codes.Internal, codes.Internal},
		"at once": {func(ctx context.Context, request any, h handler) (any, error) {
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() { _, _ = h(ctx, request) })
			}
			group.Wait()
			return h(ctx, request)
		}, ok, ok},
		"in the background": {func(ctx context.Context, request any, h handler) (any, error) {
			for range 8 {
				go func() { _, _ = h(ctx, request) }()
			}
			return nil, status.Error(codes.Aborted, "later")
		}, codes.Aborted, codes.Aborted},
		"a cancelled context": {func(ctx context.Context, request any, h handler) (any, error) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return h(ctx, request)
		}, codes.Canceled, codes.Canceled},
		"panics after": {func(ctx context.Context, request any, h handler) (any, error) {
			_, _ = h(ctx, request)
			panic("after")
		}, codes.Internal, codes.Internal},
	} {
		for place, option := range map[string]func(grpc.UnaryServerInterceptor) gocosi.Option{
			"inside": func(i grpc.UnaryServerInterceptor) gocosi.Option { return gocosi.WithInterceptors(i) },
			"outer": func(i grpc.UnaryServerInterceptor) gocosi.Option {
				return gocosi.WithServerOptions(grpc.UnaryInterceptor(i))
			},
			"outer, no turns": func(i grpc.UnaryServerInterceptor) gocosi.Option {
				return gocosi.WithServerOptions(grpc.UnaryInterceptor(i))
			},
		} {
			t.Run(name+"/"+place, func(t *testing.T) {
				t.Parallel()
				want := tt.inside
				options := []gocosi.Option{}
				if place != "inside" {
					want = tt.outer
				}
				if place == "outer, no turns" {
					options = append(options, gocosi.WithoutSerialization())
				}
				var log harness.Logs
				h := &harness.Handlers{Create: func(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					if err := ctx.Err(); err != nil {
						return nil, err
					}
					if r.GetName() == "odd" {
						return nil, errors.New("odd")
					}
					return &cosi.DriverCreateBucketResponse{BucketId: r.GetName(), BucketInfo: harness.S3Info()}, nil
				}}
				i := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
					if info.FullMethod != createBucket {
						return handler(ctx, request)
					}
					return tt.do(ctx, request, handler)
				}
				d := harness.Start(t, h, append(options, gocosi.WithLogger(log.Logger()), option(i))...)
				const calls = 20
				for range calls {
					ctx, cancel := context.WithTimeout(t.Context(), harness.Limit)
					if err := d.Create(ctx); status.Code(err) != want {
						t.Errorf("got %v, want %s", err, want)
					}
					cancel()
				}
				d.Lives(t)
				harness.Eventually(t, func() bool { return d.Holds.Locks() == 0 && d.Holds.Calls() == 0 }, "a lock or a call is left")
				lines := log.Lines(`"msg"="call `, `"method"="DriverCreateBucket"`, fmt.Sprintf(`"code"=%q`, want))
				if len(lines) != calls {
					t.Errorf("%d lines with %s, want %d; all: %q", len(lines), want, calls, log.Lines("DriverCreateBucket"))
				}
			})
		}
	}
}

// TestServerOptions tries options of gRPC's that change what the driver relies on.
func TestServerOptions(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]grpc.ServerOption{
		"one stream":       grpc.MaxConcurrentStreams(1),
		"no streams":       grpc.MaxConcurrentStreams(0),
		"stream workers":   grpc.NumStreamWorkers(2),
		"small buffers":    grpc.ReadBufferSize(0),
		"small headers":    grpc.MaxHeaderListSize(1 << 10),
		"wait for handler": grpc.WaitForHandlers(true),
		"no dynamic table": grpc.HeaderTableSize(0),
		"stream interceptor": grpc.StreamInterceptor(func(s any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return handler(s, stream)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			echo := &harness.Echo{Unary: func(context.Context) (*wrapperspb.StringValue, error) { <-release; return wrapperspb.String("x"), nil }}
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithServerOptions(option), gocosi.WithServices(echo.Register))
			const calls = 8
			answers := make(chan error, calls)
			for range calls {
				go func() { answers <- d.Create(harness.Timeout(t)) }()
			}
			for range calls {
				if err := <-answers; err != nil {
					t.Error(err)
				}
			}
			go func() { _, err := harness.CallUnary(t, d.Conn); answers <- err }()
			harness.Eventually(t, func() bool { return d.Holds.Calls() == 1 }, "no call")
			d.Stop()
			close(release)
			if err := <-answers; err != nil {
				t.Errorf("a call during the drain: %v", err)
			}
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestReflectionAbuse asks reflection for what is not there, and sends very many questions on one stream.
func TestReflectionAbuse(t *testing.T) {
	if raced.On {
		t.Skip("the race detector's memory would be measured")
	}
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithReflection())
	s, err := reflectionpb.NewServerReflectionClient(d.Conn).ServerReflectionInfo(harness.Timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	long := make([]byte, 1<<20)
	for i := range long {
		long[i] = 'x'
	}
	before := heap()
	const questions = 200
	for i := range questions {
		q := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{
			FileContainingSymbol: fmt.Sprint(i) + string(long),
		}}
		if err := s.Send(q); err != nil {
			t.Fatal(err)
		}
		if answer, err := s.Recv(); err != nil || answer.GetErrorResponse() == nil {
			t.Fatalf("got %.200v, %v; want an error in an answer", answer, err)
		}
	}
	grown := heap() - before
	t.Logf("%d questions of 1 MiB: %d bytes of heap more than before", questions, grown)
	if grown > 4*mostKept { // the stream is open, with its last message
		t.Errorf("want at most %d", 4*mostKept)
	}
	if err := s.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
	d.Lives(t)
}

// TestCallersThatLeave cancels calls in every phase: before the message, while they wait for their bucket, in the handler,
// and when the answer is on its way.
func TestCallersThatLeave(t *testing.T) {
	t.Parallel()
	const calls = 300
	var log harness.Logs
	release := make(chan struct{})
	d := harness.Start(t, &harness.Handlers{Create: func(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		if r.GetName() == "slow" {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-release:
			}
		}
		return &cosi.DriverCreateBucketResponse{BucketId: r.GetName(), BucketInfo: harness.S3Info()}, nil
	}}, gocosi.WithLogger(log.Logger()))
	var group sync.WaitGroup
	for i := range calls {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(i%30)*100*time.Microsecond, cancel)
		group.Go(func() {
			name := "quick"
			if i%2 == 0 {
				name = "slow"
			}
			_ = create(ctx, d.Conn, name)
			if s, err := d.Conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, createBucket); err == nil {
				_ = s.RecvMsg(&cosi.DriverCreateBucketResponse{})
			}
		})
	}
	group.Wait()
	harness.Eventually(t, func() bool { return d.Holds.Calls() == 0 && d.Holds.Locks() == 0 }, "a call or a lock is left")
	close(release)
	d.Lives(t)
	for _, name := range []string{"slow", "slow", "quick", "quick"} { // the second one needs the first one's lock
		if err := create(harness.Timeout(t), d.Conn, name); err != nil {
			t.Error(err)
		}
	}
	if found := log.Lines("stack"); len(found) > 0 {
		t.Errorf("something panicked: %q", found[0])
	}
}
