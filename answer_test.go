package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

const (
	password  = "hunter2-canary"
	secretURL = "postgres://admin:" + password + "@db.example.com:5432/x"
	secretDSN = "admin:" + password + "@tcp(db.example.com:3306)/x"
)

// statusError is an error that is, or is not quite, a status.
type statusError struct{ st *status.Status }

func (statusError) Error() string                { return "of another kind: " + secretURL }
func (e statusError) GRPCStatus() *status.Status { return e.st }

// nilError is an error whose method fails when the pointer is nil.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func detailed(t *testing.T, code codes.Code, message string) error {
	t.Helper()
	st, err := status.New(code, message).WithDetails(wrapperspb.String(password))
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func TestAnswersOfFailures(t *testing.T) {
	t.Parallel()
	type response = *cosi.DriverCreateBucketResponse
	fails := func(err error) func(context.Context) (response, error) {
		return func(context.Context) (response, error) { return nil, err }
	}
	panics := func(value any) func(context.Context) (response, error) {
		return func(context.Context) (response, error) { panic(value) }
	}
	const (
		neutral    = "DriverCreateBucket failed; the driver's log has the cause"
		unexpected = "DriverCreateBucket failed unexpectedly; the driver's log has the cause"
	)
	tests := map[string]struct {
		handler func(context.Context) (response, error)
		code    codes.Code
		message string // to the caller
		logged  string // in the line of the call
	}{
		"panic with a value":  {panics("boom " + secretURL), codes.Internal, unexpected, "panic: boom postgres://admin:[redacted]@db"},
		"panic with nil":      {panics(nil), codes.Internal, unexpected, "panic called with nil argument"},
		"panic with an error": {panics(errors.New("boom " + secretDSN)), codes.Internal, unexpected, "panic: boom admin:[redacted]@tcp"},
		"panic with a status": {panics(status.Error(codes.NotFound, "gone")), codes.Internal, unexpected, "gone"},
		"runtime error": {func(context.Context) (response, error) {
			var list []string
			return nil, errors.New(list[0])
		}, codes.Internal, unexpected, "index out of range"},
		"error that is a nil pointer": {fails((*nilError)(nil)), codes.Internal, unexpected, "nil pointer dereference"},

		"neither response nor error": {fails(nil), codes.Internal, "neither a response nor an error", "neither a response nor an error"},
		"nil pointer as response": {func(context.Context) (response, error) {
			var none response
			return none, nil
		}, codes.Internal, "neither a response nor an error", "neither a response nor an error"},

		"bare error with a URL":   {fails(errors.New("dial " + secretURL)), codes.Internal, neutral, "dial postgres://admin:[redacted]@db"},
		"bare error with a DSN":   {fails(errors.New("dial " + secretDSN)), codes.Internal, neutral, "dial admin:[redacted]@tcp"},
		"error of several lines":  {fails(errors.New("one\ntwo")), codes.Internal, neutral, `one\ntwo`},
		"joined bare errors":      {fails(errors.Join(errors.New("one"), errors.New(secretURL))), codes.Internal, neutral, "one"},
		"error with status OK":    {fails(statusError{status.New(codes.OK, "fine")}), codes.Internal, neutral, "of another kind"},
		"error with a nil status": {fails(statusError{}), codes.Internal, neutral, "of another kind"},

		"status":           {fails(status.Error(codes.NotFound, "no such pool")), codes.NotFound, "no such pool", "no such pool"},
		"status with URL":  {fails(status.Error(codes.NotFound, "at "+secretURL)), codes.NotFound, "at postgres://admin:[redacted]@db", "desc = at"},
		"other status":     {fails(statusError{status.New(codes.Aborted, "busy")}), codes.Aborted, "busy", "of another kind"},
		"wrapped status":   {fails(fmt.Errorf("at %s: %w", secretURL, status.Error(codes.Unavailable, "later"))), codes.Unavailable, "later", "at postgres://"},
		"joined status":    {fails(errors.Join(errors.New(secretURL), status.Error(codes.NotFound, "gone"))), codes.NotFound, "gone", "desc = gone"},
		"details":          {fails(detailed(t, codes.OutOfRange, "too many")), codes.OutOfRange, "too many", "too many"},
		"UNKNOWN":          {fails(status.Error(codes.Unknown, "hm")), codes.Internal, "hm", "hm"},
		"code of no name":  {fails(status.Error(99, "hm")), codes.Internal, "hm", "hm"},
		"empty message":    {fails(status.Error(codes.NotFound, "")), codes.NotFound, "the driver answered NotFound without a reason", "NotFound"},
		"empty bare error": {fails(errors.New("")), codes.Internal, neutral, "call failed"},

		"context cancelled": {fails(context.Canceled), codes.Canceled, "DriverCreateBucket was cancelled", "context canceled"},
		"deadline, wrapped": {
			fails(fmt.Errorf("dial %s: %w", secretURL, context.DeadlineExceeded)), codes.DeadlineExceeded,
			"DriverCreateBucket did not end before its deadline", "context deadline exceeded",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logs
			d := start(t, &handlers{
				create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (response, error) { return tt.handler(ctx) },
			}, gocosi.WithLogger(log.logger()))

			_, err := cosi.NewProvisionerClient(d.conn).DriverCreateBucket(timeout(t), &cosi.DriverCreateBucketRequest{Name: "b"})
			st := status.Convert(err)
			if st.Code() != tt.code || !strings.Contains(st.Message(), tt.message) {
				t.Errorf("got %v, want %s with %q", err, tt.code, tt.message)
			}
			if len(st.Details()) > 0 || strings.Contains(err.Error(), password) {
				t.Errorf("the caller learns too much: %v, %v", err, st.Details())
			}
			line := oneLine(t, &log, "DriverCreateBucket")
			if !strings.Contains(line, `"msg"="call failed"`) || !strings.Contains(line, fmt.Sprintf(`"code"=%q`, tt.code)) {
				t.Errorf("the line tells something else: %s", line)
			}
			if !strings.Contains(line, tt.logged) || strings.Contains(line, "\n") {
				t.Errorf("the line does not hold %q, or is not one line: %s", tt.logged, line)
			}
			if strings.Contains(line, `"stack"=`) != strings.Contains(tt.message, "unexpectedly") {
				t.Errorf("a stack belongs to a panic, and only to that: %s", line)
			}
			if found := log.lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
			lives(t, d)
		})
	}
}

// oneLine returns the only line about a finished call of the method.
func oneLine(t *testing.T, log *logs, method string) string {
	t.Helper()
	words := []string{`"msg"="call `, fmt.Sprintf(`"method"=%q`, method)}
	line := log.wait(t, words...)
	if found := log.lines(words...); len(found) != 1 {
		t.Fatalf("%d lines about one call: %q", len(found), found)
	}
	return line
}

// lives fails the test when the driver does not answer.
func lives(t *testing.T, d *running) {
	t.Helper()
	if _, err := cosi.NewIdentityClient(d.conn).DriverGetInfo(timeout(t), &cosi.DriverGetInfoRequest{}); err != nil {
		t.Errorf("the driver is not well any more: %v", err)
	}
}

func TestStackOfAPanic(t *testing.T) {
	t.Parallel()
	var log logs
	d := start(t, &handlers{create: panicking}, gocosi.WithLogger(log.logger()))
	_, _ = cosi.NewProvisionerClient(d.conn).DriverCreateBucket(timeout(t), &cosi.DriverCreateBucketRequest{Name: "b"})
	line := oneLine(t, &log, "DriverCreateBucket")
	_, stack, _ := strings.Cut(line, `"stack"="`)
	if !strings.Contains(stack, `goroutine `) || !strings.Contains(stack, "gocosi_test.panicking(") {
		t.Errorf("the stack does not lead to the handler: %s", stack)
	}
}

func panicking(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	panic("boom")
}

func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		leave func(context.Context) (context.Context, context.CancelFunc)
		code  codes.Code
	}{
		"cancels": {context.WithCancel, codes.Canceled},
		"has a deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		}, codes.DeadlineExceeded},
	}
	for name, tt := range tests {
		for _, obeys := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, obeyed %t", name, obeys), func(t *testing.T) {
				t.Parallel()
				var log logs
				entered, release := make(chan struct{}), make(chan struct{})
				d := start(t, &handlers{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					close(entered)
					<-ctx.Done()
					if obeys {
						return nil, fmt.Errorf("%s: %w", secretURL, ctx.Err())
					}
					<-release
					return nil, errors.New("too late, " + secretURL)
				}}, gocosi.WithLogger(log.logger()))
				ctx, cancel := tt.leave(timeout(t))
				defer cancel()
				if tt.code == codes.Canceled {
					go func() { <-entered; cancel() }()
				}
				_, err := cosi.NewProvisionerClient(d.conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "b"})
				close(release)
				if status.Code(err) != tt.code {
					t.Errorf("the caller got %v, want %s", err, tt.code)
				}
				// A caller whose deadline has passed says so by cancelling; which of the two comes first is chance.
				if line := oneLine(t, &log, "DriverCreateBucket"); !strings.Contains(line, `"code"="Canceled"`) &&
					!strings.Contains(line, fmt.Sprintf(`"code"=%q`, tt.code)) {
					t.Errorf("want %s: %s", tt.code, line)
				}
				if found := log.lines(password); len(found) > 0 {
					t.Errorf("the log holds the password: %q", found)
				}
			})
		}
	}
}

// echo is a service of an author's own, with a call of each kind.
type echo struct {
	unary  func(context.Context) (*wrapperspb.StringValue, error)
	stream func(grpc.ServerStream) error
}

// register is for WithServices.
func (e *echo) register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Echo",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: e.handle}},
		Streams: []grpc.StreamDesc{{
			StreamName: "Stream", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error { return e.stream(s) },
		}},
	}, e)
}

// handle does what generated code does for a unary call.
func (e *echo) handle(_ any, ctx context.Context, decode func(any) error, around grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // as gRPC asks
	var in emptypb.Empty
	if err := decode(&in); err != nil {
		return nil, err
	}
	info := &grpc.UnaryServerInfo{Server: e, FullMethod: "/test.Echo/Unary"}
	return around(ctx, &in, info, func(ctx context.Context, _ any) (any, error) { return e.unary(ctx) })
}

// callUnary calls Unary.
func callUnary(t *testing.T, conn *grpc.ClientConn) (string, error) {
	t.Helper()
	var out wrapperspb.StringValue
	err := conn.Invoke(timeout(t), "/test.Echo/Unary", &emptypb.Empty{}, &out)
	return out.GetValue(), err
}

// callStream calls Stream, and returns what its first message says.
func callStream(t *testing.T, conn *grpc.ClientConn) (string, error) {
	t.Helper()
	s, err := conn.NewStream(timeout(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Stream")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var out wrapperspb.StringValue
	err = s.RecvMsg(&out)
	return out.GetValue(), err
}

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
			var log logs
			answer := func() error {
				if tt.panics {
					panic(tt.err)
				}
				return tt.err
			}
			e := &echo{
				unary: func(context.Context) (*wrapperspb.StringValue, error) { return wrapperspb.String("hi"), answer() },
				stream: func(s grpc.ServerStream) error {
					if err := answer(); err != nil {
						return err
					}
					return s.SendMsg(wrapperspb.String("hi"))
				},
			}
			d := start(t, &handlers{}, gocosi.WithLogger(log.logger()), gocosi.WithServices(e.register))
			for method, call := range map[string]func(*testing.T, *grpc.ClientConn) (string, error){
				"test.Echo/Unary": callUnary, "test.Echo/Stream": callStream,
			} {
				value, err := call(t, d.conn)
				st := status.Convert(err)
				if st.Code() != tt.code || len(st.Details()) != tt.details || err == nil && value != "hi" {
					t.Errorf("%s: got %q, %v with %d details, want %s with %d", method, value, err, len(st.Details()), tt.code, tt.details)
				}
				line := oneLine(t, &log, method)
				if !strings.Contains(line, fmt.Sprintf(`"code"=%q`, tt.code)) {
					t.Errorf("want %s: %s", tt.code, line)
				}
				if strings.Contains(line, `"stack"=`) != (tt.code == codes.Internal) {
					t.Errorf("a stack belongs to a panic, and only to that: %s", line)
				}
			}
			if found := log.lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
			lives(t, d)
		})
	}
}

func TestServiceWithoutResult(t *testing.T) {
	t.Parallel()
	e := &echo{unary: func(context.Context) (*wrapperspb.StringValue, error) { return nil, nil }}
	d := start(t, &handlers{}, gocosi.WithServices(e.register))
	if _, err := callUnary(t, d.conn); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want INTERNAL", err)
	}
}
