package driver_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// caller calls a driver as the sidecar does.
type caller struct {
	cosi.ProvisionerClient
}

func connect(t *testing.T, s driver.Settings, options ...gocosi.Option) caller {
	t.Helper()
	conn, _ := start(t, s, options...)
	return callerOn(conn)
}

func callerOn(conn grpc.ClientConnInterface) caller { return caller{cosi.NewProvisionerClient(conn)} }

func (c caller) tryCreate(ctx context.Context, bucket string, parameters map[string]string) error {
	_, err := c.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: bucket, Parameters: parameters})
	return err
}

func (c caller) tryDelete(ctx context.Context, bucket string, parameters map[string]string) error {
	_, err := c.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: bucket, DeleteContext: parameters})
	return err
}

func (c caller) tryGrant(ctx context.Context, bucket, account string, parameters map[string]string) (*cosi.DriverGrantBucketAccessResponse, error) {
	return c.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
		BucketId: bucket, Name: account, AuthenticationType: cosi.AuthenticationType_Key, Parameters: parameters,
	})
}

func (c caller) tryRevoke(ctx context.Context, bucket, account string) error {
	_, err := c.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: bucket, AccountId: account})
	return err
}

func (c caller) create(t *testing.T, bucket string, parameters map[string]string) {
	t.Helper()
	if err := c.tryCreate(t.Context(), bucket, parameters); err != nil {
		t.Fatal(err)
	}
}

func (c caller) delete(t *testing.T, bucket string, parameters map[string]string) {
	t.Helper()
	if err := c.tryDelete(t.Context(), bucket, parameters); err != nil {
		t.Fatal(err)
	}
}

func (c caller) grant(t *testing.T, bucket, account string, parameters map[string]string) *cosi.DriverGrantBucketAccessResponse {
	t.Helper()
	response, err := c.tryGrant(t.Context(), bucket, account, parameters)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func (c caller) revoke(t *testing.T, bucket, account string) {
	t.Helper()
	if err := c.tryRevoke(t.Context(), bucket, account); err != nil {
		t.Fatal(err)
	}
}

// parameter is a class with one, or with none if it has no value.
func parameter(key, value string) map[string]string {
	if value == "" {
		return nil
	}
	return map[string]string{key: value}
}

// denied says whether the store refused an application.
func denied(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "AccessDenied") || strings.Contains(err.Error(), "Forbidden"))
}

// expect expects a code, and words in the message.
func expect(t *testing.T, err error, code codes.Code, words string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), words) {
		t.Errorf("got %v; expected %s with %q", err, code, words)
	}
}
