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
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

const (
	password  = "hunter2-canary"
	secretURL = "postgres://admin:" + password + "@db.example.com:5432/x"
	secretDSN = "admin:" + password + "@tcp(db.example.com:3306)/x"
)

// statusError imitates an error with a status, which may be invalid.
type statusError struct{ st *status.Status }

func (statusError) Error() string { return "of another kind: " + secretURL }

func (e statusError) GRPCStatus() *status.Status { return e.st }

// nilError implements an error with a method that panics on a nil pointer.
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
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{
				Create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (response, error) { return tt.handler(ctx) },
			}, gocosi.WithLogger(log.Logger()))

			_, err := cosi.NewProvisionerClient(d.Conn).DriverCreateBucket(harness.Timeout(t), &cosi.DriverCreateBucketRequest{Name: "b"})
			st := status.Convert(err)
			if st.Code() != tt.code || !strings.Contains(st.Message(), tt.message) {
				t.Errorf("got %v, want %s with %q", err, tt.code, tt.message)
			}
			if len(st.Details()) > 0 || strings.Contains(err.Error(), password) {
				t.Errorf("the caller gets %v with the details %v, want no detail and no cause", err, st.Details())
			}
			line := log.OneLine(t, "DriverCreateBucket")
			if !strings.Contains(line, `"msg"="call failed"`) || !strings.Contains(line, fmt.Sprintf(`"code"=%q`, tt.code)) {
				t.Errorf("the line tells something else: %s", line)
			}
			if !strings.Contains(line, tt.logged) || strings.Contains(line, "\n") {
				t.Errorf("want one line with %q, got %s", tt.logged, line)
			}
			if strings.Contains(line, `"stack"=`) != strings.Contains(tt.message, "unexpectedly") {
				t.Errorf("want a stack for a panic only, got the line %s", line)
			}
			if found := log.Lines(password); len(found) > 0 {
				t.Errorf("the log holds the password: %q", found)
			}
			d.Lives(t)
		})
	}
}

func TestStackOfAPanic(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	d := harness.Start(t, &harness.Handlers{Create: panicking}, gocosi.WithLogger(log.Logger()))
	_, _ = cosi.NewProvisionerClient(d.Conn).DriverCreateBucket(harness.Timeout(t), &cosi.DriverCreateBucketRequest{Name: "b"})
	line := log.OneLine(t, "DriverCreateBucket")
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
				var log harness.Logs
				entered, release := make(chan struct{}), make(chan struct{})
				d := harness.Start(t, &harness.Handlers{Create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
					close(entered)
					<-ctx.Done()
					if obeys {
						return nil, fmt.Errorf("%s: %w", secretURL, ctx.Err())
					}
					<-release
					return nil, errors.New("too late, " + secretURL)
				}}, gocosi.WithLogger(log.Logger()))
				ctx, cancel := tt.leave(harness.Timeout(t))
				defer cancel()
				if tt.code == codes.Canceled {
					go func() { <-entered; cancel() }()
				}
				_, err := cosi.NewProvisionerClient(d.Conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "b"})
				close(release)
				if status.Code(err) != tt.code {
					t.Errorf("the caller got %v, want %s", err, tt.code)
				}
				// A caller cancels the call when its deadline has passed. Either of the two may come first.
				if line := log.OneLine(t, "DriverCreateBucket"); !strings.Contains(line, `"code"="Canceled"`) &&
					!strings.Contains(line, fmt.Sprintf(`"code"=%q`, tt.code)) {
					t.Errorf("want %s: %s", tt.code, line)
				}
				if found := log.Lines(password); len(found) > 0 {
					t.Errorf("the log holds the password: %q", found)
				}
			})
		}
	}
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
		interceptor error // replaces the handler's error
		code        codes.Code
		rule        string // "" for no translation
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
				var log harness.Logs
				options := []gocosi.Option{gocosi.WithLogger(log.Logger())}
				if off {
					options = append(options, gocosi.WithoutErrorTranslation())
				}
				if tt.interceptor != nil {
					options = append(options, gocosi.WithInterceptors(replacing(tt.interceptor)))
				}
				d := harness.Start(t, failing(tt.handler), options...)
				err := harness.CallMethod(harness.Timeout(t), d.Conn, tt.method)

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
					t.Errorf("got %v, want the handler's message", err)
				}
				if line := log.OneLine(t, tt.method); !strings.Contains(line, fmt.Sprintf(`"code"=%q`, want)) {
					t.Errorf("want %s: %s", want, line)
				}
				checkTranslated(t, &log, rule)
			})
		}
	}
}

// TestForgivenCallHasAResponse checks the response without gRPC, which sends a nil response as an empty one.
func TestForgivenCallHasAResponse(t *testing.T) {
	t.Parallel()
	chain := harness.Chain(t)
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

// checkTranslated checks that the log has one line with the rule at level 0, or none without a rule.
func checkTranslated(t *testing.T, log *harness.Logs, rule string) {
	t.Helper()
	if rule == "" {
		if found := log.Lines("status code translated"); len(found) > 0 {
			t.Errorf("got the lines %q, want no translation", found)
		}
		return
	}
	log.Wait(t, "status code translated")
	if found := log.Lines("status code translated"); len(found) != 1 || len(log.Lines(`"level"=0 "msg"="status code translated" "rule"="`+rule+`"`, `"bucket"="b"`)) != 1 {
		t.Errorf("want one line with %s: %q", rule, found)
	}
}

// failing returns handlers that fail every call with err, unless err is nil.
func failing(err error) *harness.Handlers {
	return &harness.Handlers{
		Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			return &cosi.DriverCreateBucketResponse{BucketId: "b", BucketInfo: harness.S3Info()}, err
		},
		Delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
			return &cosi.DriverDeleteBucketResponse{}, err
		},
		Grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
			keys := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: "k", AccessSecretKey: "s"}
			return &cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: keys.Map()}, err
		},
		Revoke: func(context.Context, *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
			return &cosi.DriverRevokeBucketAccessResponse{}, err
		},
	}
}

// replacing returns an interceptor that fails every call that changes something, after any answer of the handler.
func replacing(err error) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		_, _ = handler(ctx, request)
		return nil, err
	}
}

// canarySecret must not appear outside of a grant's answer.
const canarySecret = "canary-secret-of-a-grant"

// brokenAnswers lists answers to a grant or a create that the specification does not allow, by rule.
func brokenAnswers() map[string]*harness.Handlers {
	grant := func(account string, credentials map[string]*cosi.CredentialDetails) *harness.Handlers {
		return &harness.Handlers{Grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
			return &cosi.DriverGrantBucketAccessResponse{AccountId: account, Credentials: credentials}, nil
		}}
	}
	create := func(r *cosi.DriverCreateBucketResponse) *harness.Handlers {
		return &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			return r, nil
		}}
	}
	good := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: "k", AccessSecretKey: canarySecret}.Map()
	other := map[string]*cosi.CredentialDetails{"gcs": {Secrets: map[string]string{"token": canarySecret}}}
	expiry := map[string]*cosi.CredentialDetails{"azure": {Secrets: map[string]string{"accessToken": canarySecret, "expiryTs": "2026-01-01T00:00:00Z"}}}
	return map[string]*harness.Handlers{
		"CREATE-5": create(&cosi.DriverCreateBucketResponse{BucketInfo: harness.S3Info()}),
		"GEN-9":    create(&cosi.DriverCreateBucketResponse{BucketId: strings.Repeat("i", 129), BucketInfo: harness.S3Info()}),
		"GRANT-6":  grant("", good),
		"GRANT-7":  grant("a", nil),
		"GRANT-8":  grant("a", other),
		"GRANT-9":  grant("a", gocosi.S3Credentials{AccessSecretKey: canarySecret, Endpoint: "e"}.Map()),
		"GRANT-10": grant("a", expiry),
	}
}

func TestAnswersThatBreakARule(t *testing.T) {
	t.Parallel()
	for rule, provisioner := range brokenAnswers() {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			d := harness.Start(t, provisioner, gocosi.WithLogger(log.Logger()))
			method := "DriverGrantBucketAccess"
			if provisioner.Create != nil {
				method = "DriverCreateBucket"
			}
			err := harness.CallMethod(harness.Timeout(t), d.Conn, method)
			if status.Code(err) != codes.Internal || !strings.Contains(status.Convert(err).Message(), "("+rule+")") {
				t.Errorf("answered %v; want INTERNAL that names the rule", err)
			}
			log.Wait(t, "call failed", rule)
			if found := log.Lines(canarySecret); len(found) > 0 || strings.Contains(err.Error(), canarySecret) {
				t.Errorf("a secret is told: %q, %v", found, err)
			}
			off := harness.Start(t, provisioner, gocosi.WithoutResponseRules())
			if err := harness.CallMethod(harness.Timeout(t), off.Conn, method); err != nil {
				t.Errorf("with the rules off: %v", err)
			}
		})
	}
}

// The log reports only once that an answer lacks a recommended field.
func TestAdviceIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	d := harness.Start(t, &harness.Handlers{Create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
	}}, gocosi.WithLogger(log.Logger()))
	for range 3 {
		if err := harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket"); err != nil {
			t.Fatal(err)
		}
	}
	log.Wait(t, "answer is allowed but unwise")
	if found := log.Lines("answer is allowed but unwise", "CREATE-9"); len(found) != 1 {
		t.Errorf("%d lines, want one: %q", len(found), found)
	}
}
