package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"example.com/acme/cosi-osp/servers/identity"
	"example.com/acme/cosi-osp/servers/provisioner"
)

// failing is a store that answers everything with an error.
type failing struct{ err error }

func (failing) BucketID(name string) string { return name }

func (f failing) CreateBucket(context.Context, string, map[string]string) (provisioner.Location, error) {
	return provisioner.Location{}, f.err
}

func (f failing) DeleteBucket(context.Context, string) error { return f.err }

func (f failing) Grant(context.Context, string, string, map[string]string) (gocosi.S3Credentials, error) {
	return gocosi.S3Credentials{}, f.err
}

func (f failing) Revoke(context.Context, string, string) error { return f.err }

// TestKinds answers each kind of error with its code, and keeps the error's text from the caller.
func TestKinds(t *testing.T) {
	const cause = "told to the log alone"
	for kind, want := range map[error][4]codes.Code{
		provisioner.ErrExists:      {codes.AlreadyExists, codes.Internal, codes.FailedPrecondition, codes.Internal},
		provisioner.ErrNotFound:    {codes.Internal, codes.Internal, codes.NotFound, codes.Internal},
		provisioner.ErrUnavailable: {codes.Unavailable, codes.Unavailable, codes.Unavailable, codes.Unavailable},
		provisioner.ErrNotEmpty:    {codes.FailedPrecondition, codes.FailedPrecondition, codes.FailedPrecondition, codes.FailedPrecondition},
		provisioner.ErrExhausted:   {codes.ResourceExhausted, codes.ResourceExhausted, codes.ResourceExhausted, codes.ResourceExhausted},
		provisioner.ErrDenied:      {codes.PermissionDenied, codes.PermissionDenied, codes.PermissionDenied, codes.PermissionDenied},
		errors.New("no kind"):      {codes.Internal, codes.Internal, codes.Internal, codes.Internal},
	} {
		t.Run(kind.Error(), func(t *testing.T) {
			backend := failing{fmt.Errorf("%s: %w", cause, kind)}
			driver, err := gocosi.New(identity.New(), provisioner.New(backend), gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry(),
				gocosi.WithoutErrorTranslation()) // the handlers alone
			if err != nil {
				t.Fatal(err)
			}
			p := cosi.NewProvisionerClient(cositest.Start(t, driver))
			key := cosi.AuthenticationType_Key
			_, create := p.DriverCreateBucket(t.Context(), &cosi.DriverCreateBucketRequest{Name: "bucket-1"})
			_, remove := p.DriverDeleteBucket(t.Context(), &cosi.DriverDeleteBucketRequest{BucketId: "bucket-1"})
			_, grant := p.DriverGrantBucketAccess(t.Context(), &cosi.DriverGrantBucketAccessRequest{BucketId: "bucket-1", Name: "ba-1", AuthenticationType: key})
			_, revoke := p.DriverRevokeBucketAccess(t.Context(), &cosi.DriverRevokeBucketAccessRequest{BucketId: "bucket-1", AccountId: "ba-1"})
			for i, err := range []error{create, remove, grant, revoke} {
				if status.Code(err) != want[i] || strings.Contains(err.Error(), cause) {
					t.Errorf("call %d: %v, want %v without the cause", i, err, want[i])
				}
			}
		})
	}
}
