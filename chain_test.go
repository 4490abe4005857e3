package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// serving is a driver that Serve runs on a listener in memory, for use within synctest: no time passes in it.
type serving struct {
	running
	listener *bufconn.Listener
}

// serve starts a driver, and stops it after the test.
func serve(t *testing.T, p cosi.ProvisionerServer, options ...gocosi.Option) *serving {
	t.Helper()
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), p, append([]gocosi.Option{gocosi.WithEnvironment(nil)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{listener: bufconn.Listen(1 << 20)}
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.done = stop, make(chan error, 1)
	go func() { s.done <- driver.Serve(ctx, s.listener) }()
	t.Cleanup(func() { _ = s.wait(t) })
	s.conn, err = grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	return s
}

func (s *serving) create(ctx context.Context) error {
	_, err := cosi.NewProvisionerClient(s.conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "b"})
	return err
}

func TestTranslations(t *testing.T) {
	t.Parallel()
	const (
		remove = "DriverDeleteBucket"
		grant  = "DriverGrantBucketAccess"
		revoke = "DriverRevokeBucketAccess"
		create = "DriverCreateBucket"
	)
	notFound, exists := status.Error(codes.NotFound, "gone"), status.Error(codes.AlreadyExists, "there")
	wrap := func(err error) error { return fmt.Errorf("backend: %w", err) }
	tests := map[string]struct {
		method      string
		handler     error
		interceptor error // instead of the handler's
		code        codes.Code
		rule        string // "": no translation
	}{
		"delete, not found":           {remove, notFound, nil, codes.OK, "DELETE-2"},
		"delete, wrapped":             {remove, wrap(notFound), nil, codes.NotFound, ""},
		"delete, joined":              {remove, errors.Join(notFound), nil, codes.NotFound, ""},
		"delete, another code":        {remove, exists, nil, codes.AlreadyExists, ""},
		"delete, interceptor":         {remove, nil, notFound, codes.NotFound, ""},
		"delete, interceptor wraps":   {remove, notFound, wrap(notFound), codes.NotFound, ""},
		"delete, interceptor rewords": {remove, notFound, status.Error(codes.NotFound, "all gone"), codes.OK, "DELETE-2"},
		"delete, interceptor differs": {remove, notFound, status.Error(codes.Unavailable, "later"), codes.Unavailable, ""},
		"revoke, not found":           {revoke, notFound, nil, codes.OK, "REVOKE-4"},
		"revoke, wrapped":             {revoke, wrap(notFound), nil, codes.NotFound, ""},
		"revoke, interceptor":         {revoke, nil, notFound, codes.NotFound, ""},
		"grant, already exists":       {grant, exists, nil, codes.FailedPrecondition, "GRANT-11"},
		"grant, wrapped":              {grant, wrap(exists), nil, codes.FailedPrecondition, "GRANT-11"},
		"grant, interceptor":          {grant, nil, exists, codes.FailedPrecondition, "GRANT-11"},
		"grant, not found":            {grant, notFound, nil, codes.NotFound, ""},
		"create, already exists":      {create, exists, nil, codes.AlreadyExists, ""},
		"create, not found":           {create, notFound, nil, codes.NotFound, ""},
	}
	for name, tt := range tests {
		for _, off := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, off %t", name, off), func(t *testing.T) {
				t.Parallel()
				var log logs
				options := []gocosi.Option{gocosi.WithLogger(log.logger())}
				if off {
					options = append(options, gocosi.WithoutErrorTranslation())
				}
				if tt.interceptor != nil {
					options = append(options, gocosi.WithInterceptors(replacing(tt.interceptor)))
				}
				d := start(t, failing(tt.handler), options...)
				err := callMethod(timeout(t), d.conn, tt.method)

				want, rule := tt.code, tt.rule
				if off && rule != "" {
					want, rule = codes.NotFound, ""
					if tt.method == grant {
						want = codes.AlreadyExists
					}
				}
				if status.Code(err) != want {
					t.Errorf("got %v, want %s", err, want)
				}
				if want == codes.FailedPrecondition && status.Convert(err).Message() != "there" {
					t.Errorf("the handler's message is lost: %v", err)
				}
				if line := oneLine(t, &log, tt.method); !strings.Contains(line, fmt.Sprintf(`"code"=%q`, want)) {
					t.Errorf("want %s: %s", want, line)
				}
				checkTranslated(t, &log, rule)
			})
		}
	}
}

// TestForgivenCallHasAResponse sees what gRPC does not show: it sends no response as an empty one.
func TestForgivenCallHasAResponse(t *testing.T) {
	t.Parallel()
	chain, err := gocosi.NewChain(gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	gone := func(context.Context, any) (any, error) { return nil, status.Error(codes.NotFound, "gone") }
	response, err := chain.Call(t.Context(), "/cosi.v1alpha1.Provisioner/DriverDeleteBucket", &cosi.DriverDeleteBucketRequest{BucketId: "b"}, gone)
	if _, ok := response.(*cosi.DriverDeleteBucketResponse); err != nil || !ok {
		t.Errorf("delete: %T, %v", response, err)
	}
	response, err = chain.Call(t.Context(), "/cosi.v1alpha1.Provisioner/DriverRevokeBucketAccess", &cosi.DriverRevokeBucketAccessRequest{
		BucketId: "b", AccountId: "a",
	}, gone)
	if _, ok := response.(*cosi.DriverRevokeBucketAccessResponse); err != nil || !ok {
		t.Errorf("revoke: %T, %v", response, err)
	}
}

// checkTranslated wants one line with the rule at level 0, or none.
func checkTranslated(t *testing.T, log *logs, rule string) {
	t.Helper()
	found := log.lines("status code translated")
	if rule == "" {
		if len(found) > 0 {
			t.Errorf("nothing was to be translated: %q", found)
		}
		return
	}
	if len(found) != 1 || len(log.lines(`"level"=0 "msg"="status code translated" "rule"="`+rule+`"`, `"bucket"="b"`)) != 1 {
		t.Errorf("want one line with %s: %q", rule, found)
	}
}

// failing fails every call with err, or none.
func failing(err error) *handlers {
	return &handlers{
		create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			return &cosi.DriverCreateBucketResponse{BucketId: "b", BucketInfo: s3Info()}, err
		},
		delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
			return &cosi.DriverDeleteBucketResponse{}, err
		},
		grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
			keys := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: "k", AccessSecretKey: "s"}
			return &cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: keys.Map()}, err
		},
		revoke: func(context.Context, *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
			return &cosi.DriverRevokeBucketAccessResponse{}, err
		},
	}
}

// replacing is an interceptor that fails every call that changes something, whatever the handler says.
func replacing(err error) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		_, _ = handler(ctx, request)
		return nil, err
	}
}

// callMethod makes a call about the bucket b.
func callMethod(ctx context.Context, conn *grpc.ClientConn, method string) (err error) {
	client := cosi.NewProvisionerClient(conn)
	switch method {
	case "DriverCreateBucket":
		_, err = client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "b"})
	case "DriverDeleteBucket":
		_, err = client.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: "b"})
	case "DriverGrantBucketAccess":
		_, err = client.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
			BucketId: "b", Name: "a", AuthenticationType: cosi.AuthenticationType_Key,
		})
	case "DriverRevokeBucketAccess":
		_, err = client.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: "b", AccountId: "a"})
	default:
		err = errors.New("no such method: " + method)
	}
	return err
}

func TestDeadlineOfACall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env    string
		option time.Duration // 0: not given
		caller time.Duration // 0: none
		want   time.Duration // 0: none
	}{
		"default":                     {want: 2 * time.Minute},
		"the author's":                {option: time.Minute, want: time.Minute},
		"the operator's":              {option: time.Minute, env: "7s", want: 7 * time.Second},
		"none":                        {option: time.Minute, env: "0"},
		"the caller's, shorter":       {caller: time.Second, want: time.Second},
		"the caller's, longer":        {caller: time.Hour, want: time.Hour},
		"the caller's, without limit": {env: "0", caller: time.Second, want: time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int64
				options := []gocosi.Option{env(map[string]string{gocosi.EnvCOSIRPCTimeout: tt.env})}
				if tt.option > 0 {
					options = append(options, gocosi.WithDefaultRPCTimeout(tt.option))
				}
				d := serve(t, &handlers{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					if end, ok := ctx.Deadline(); ok {
						left.Store(int64(time.Until(end)))
					}
					return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
				}}, options...)
				ctx := t.Context()
				if tt.caller > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.caller)
					defer cancel()
				}
				if err := d.create(ctx); err != nil {
					t.Fatal(err)
				}
				if got := time.Duration(left.Load()); got != tt.want {
					t.Errorf("the handler had %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestDeadlineIsMet(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error // nil: the context's
		code codes.Code
	}{
		"context's error":   {nil, codes.DeadlineExceeded},
		"bare error":        {errors.New("gave up"), codes.DeadlineExceeded},
		"status of his own": {status.Error(codes.Unavailable, "gave up"), codes.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log logs
				d := serve(t, &handlers{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					<-ctx.Done()
					if tt.err != nil {
						return nil, tt.err
					}
					return nil, ctx.Err()
				}}, gocosi.WithLogger(log.logger()))
				if err := d.create(t.Context()); status.Code(err) != tt.code {
					t.Errorf("got %v, want %s", err, tt.code)
				}
				line := oneLine(t, &log, "DriverCreateBucket")
				if !strings.Contains(line, `"limit"="X_COSI_RPC_TIMEOUT"`) || !strings.Contains(line, `"duration"="2m0s"`) {
					t.Errorf("the line does not name the variable: %s", line)
				}
			})
		})
	}
}

func TestOverdueHandler(t *testing.T) {
	t.Parallel()
	const overdue = "handler is past its deadline"
	tests := map[string]struct {
		env, limit string
		caller     time.Duration
	}{
		"the driver's deadline": {env: "10s", limit: "X_COSI_RPC_TIMEOUT"},
		"the caller's deadline": {env: "1h", limit: "the caller's", caller: 10 * time.Second},
		"only the caller's":     {env: "0", limit: "the caller's", caller: 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log logs
				release, answered := make(chan struct{}), make(chan error, 1)
				d := serve(t, &handlers{create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					<-release
					return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
				}}, gocosi.WithLogger(log.logger()), env(map[string]string{gocosi.EnvCOSIRPCTimeout: tt.env}))
				ctx, cancel := context.WithCancel(t.Context())
				if tt.caller > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.caller)
				}
				defer cancel()
				go func() { answered <- d.create(ctx) }()
				time.Sleep(9 * time.Second)
				if found := log.lines(overdue); len(found) > 0 {
					t.Errorf("too early: %q", found)
				}
				time.Sleep(time.Minute)
				want := []string{overdue, `"level"=0`, `"method"="DriverCreateBucket"`, `"bucket"="b"`, `"age"="1`, fmt.Sprintf(`"limit"=%q`, tt.limit)}
				if found := log.lines(overdue); len(found) != 1 || len(log.lines(want...)) != 1 {
					t.Errorf("want one line with %q: %q", want, found)
				}
				close(release)
				if err := <-answered; (err != nil) != (tt.caller > 0) {
					t.Errorf("the call ended with %v", err)
				}
				synctest.Wait()
				if line := oneLine(t, &log, "DriverCreateBucket"); !strings.Contains(line, `"code"="OK"`) {
					t.Errorf("the handler was late, and successful: %s", line)
				}
			})
		})
	}
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
	d := start(t, &handlers{create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		order <- "handler"
		return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
	}}, gocosi.WithInterceptors(named("outer"), nil), gocosi.WithInterceptors(named("inner")))
	if err := callMethod(timeout(t), d.conn, "DriverCreateBucket"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"outer" + createMethod, "inner" + createMethod, "handler"} {
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
			var log logs
			d := start(t, &handlers{}, gocosi.WithInterceptors(interceptor), gocosi.WithLogger(log.logger()))
			err := callMethod(timeout(t), d.conn, "DriverCreateBucket")
			if status.Code(err) != codes.Internal || strings.Contains(err.Error(), password) {
				t.Errorf("got %v, want INTERNAL without a password", err)
			}
			oneLine(t, &log, "DriverCreateBucket")
			if found := log.lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
		})
	}
}
