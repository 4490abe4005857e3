package gocosi_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// broken are requests that the specification does not allow, by the rule that they break.
func brokenRequests() map[string]func(context.Context, grpc.ClientConnInterface) error {
	create := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverCreateBucketRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverCreateBucket(ctx, r)
		return err
	}
	remove := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverDeleteBucketRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverDeleteBucket(ctx, r)
		return err
	}
	grant := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverGrantBucketAccessRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverGrantBucketAccess(ctx, r)
		return err
	}
	revoke := func(ctx context.Context, conn grpc.ClientConnInterface, r *cosi.DriverRevokeBucketAccessRequest) error {
		_, err := cosi.NewProvisionerClient(conn).DriverRevokeBucketAccess(ctx, r)
		return err
	}
	type ctx = context.Context
	type conn = grpc.ClientConnInterface
	return map[string]func(ctx, conn) error{
		"CREATE-2": func(x ctx, c conn) error { return create(x, c, &cosi.DriverCreateBucketRequest{}) },
		"DELETE-1": func(x ctx, c conn) error { return remove(x, c, &cosi.DriverDeleteBucketRequest{}) },
		"GRANT-1":  func(x ctx, c conn) error { return grant(x, c, &cosi.DriverGrantBucketAccessRequest{Name: "n"}) },
		"GRANT-2":  func(x ctx, c conn) error { return grant(x, c, &cosi.DriverGrantBucketAccessRequest{BucketId: "b"}) },
		"GRANT-3": func(x ctx, c conn) error {
			return grant(x, c, &cosi.DriverGrantBucketAccessRequest{BucketId: "b", Name: "n"})
		},
		"REVOKE-1": func(x ctx, c conn) error { return revoke(x, c, &cosi.DriverRevokeBucketAccessRequest{AccountId: "a"}) },
		"REVOKE-2": func(x ctx, c conn) error { return revoke(x, c, &cosi.DriverRevokeBucketAccessRequest{BucketId: "b"}) },
		"GEN-9": func(x ctx, c conn) error {
			return create(x, c, &cosi.DriverCreateBucketRequest{Name: strings.Repeat("n", 129)})
		},
	}
}

func TestRequestsThatBreakARule(t *testing.T) {
	t.Parallel()
	for rule, call := range brokenRequests() {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			err := call(timeout(t), start(t, &handlers{}).conn)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(status.Convert(err).Message(), "("+rule+")") {
				t.Errorf("refused by %v; want INVALID_ARGUMENT that names the rule", err)
			}
		})
	}
}

// Whoever turns the request rules off finds the requests in his handlers; the operator has the last word.
func TestRequestRulesAreSwitched(t *testing.T) {
	t.Parallel()
	off := map[string]string{gocosi.EnvCOSIRequestRules: "false"}
	on := map[string]string{gocosi.EnvCOSIRequestRules: "true"}
	for name, tt := range map[string]struct {
		options []gocosi.Option
		checked bool
	}{
		"by option":                 {[]gocosi.Option{gocosi.WithoutRequestRules()}, false},
		"by variable":               {[]gocosi.Option{env(off)}, false},
		"by option, back by both":   {[]gocosi.Option{gocosi.WithoutRequestRules(), env(on)}, true},
		"the other rules make none": {[]gocosi.Option{gocosi.WithoutResponseRules()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, &handlers{}, tt.options...)
			for _, rule := range []string{"DELETE-1", "REVOKE-2"} {
				if err := brokenRequests()[rule](timeout(t), d.conn); (err != nil) != tt.checked {
					t.Errorf("%s: %v", rule, err)
				}
			}
		})
	}
}

// canarySecret must not be seen outside of a grant's answer.
const canarySecret = "canary-secret-of-a-grant"

// brokenAnswers are answers to a grant or a create that the specification does not allow, by rule.
func brokenAnswers() map[string]*handlers {
	grant := func(account string, credentials map[string]*cosi.CredentialDetails) *handlers {
		return &handlers{grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
			return &cosi.DriverGrantBucketAccessResponse{AccountId: account, Credentials: credentials}, nil
		}}
	}
	create := func(r *cosi.DriverCreateBucketResponse) *handlers {
		return &handlers{create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
			return r, nil
		}}
	}
	good := gocosi.S3Credentials{Endpoint: "https://s3.example.com", Region: "r", AccessKeyID: "k", AccessSecretKey: canarySecret}.Map()
	other := map[string]*cosi.CredentialDetails{"gcs": {Secrets: map[string]string{"token": canarySecret}}}
	expiry := map[string]*cosi.CredentialDetails{"azure": {Secrets: map[string]string{"accessToken": canarySecret, "expiryTs": "2026-01-01T00:00:00Z"}}}
	return map[string]*handlers{
		"CREATE-5": create(&cosi.DriverCreateBucketResponse{BucketInfo: s3Info()}),
		"GEN-9":    create(&cosi.DriverCreateBucketResponse{BucketId: strings.Repeat("i", 129), BucketInfo: s3Info()}),
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
			var log logs
			d := start(t, provisioner, gocosi.WithLogger(log.logger()))
			method := "DriverGrantBucketAccess"
			if provisioner.create != nil {
				method = "DriverCreateBucket"
			}
			err := callMethod(timeout(t), d.conn, method)
			if status.Code(err) != codes.Internal || !strings.Contains(status.Convert(err).Message(), "("+rule+")") {
				t.Errorf("answered %v; want INTERNAL that names the rule", err)
			}
			log.wait(t, "call failed", rule)
			if found := log.lines(canarySecret); len(found) > 0 || strings.Contains(err.Error(), canarySecret) {
				t.Errorf("a secret is told: %q, %v", found, err)
			}
			off := start(t, provisioner, gocosi.WithoutResponseRules())
			if err := callMethod(timeout(t), off.conn, method); err != nil {
				t.Errorf("with the rules off: %v", err)
			}
		})
	}
}

// What an answer should hold and does not is told once.
func TestAdviceIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log logs
	d := start(t, &handlers{create: func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		return &cosi.DriverCreateBucketResponse{BucketId: "b"}, nil
	}}, gocosi.WithLogger(log.logger()))
	for range 3 {
		if err := callMethod(timeout(t), d.conn, "DriverCreateBucket"); err != nil {
			t.Fatal(err)
		}
	}
	if found := log.lines("warning", "CREATE-9"); len(found) != 1 {
		t.Errorf("%d lines: %q", len(found), found)
	}
}
