package harness

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// CreateMethod is the full name of the method that creates buckets.
const CreateMethod = "/cosi.v1alpha1.Provisioner/DriverCreateBucket"

// CallMethod calls a method with the bucket b.
func CallMethod(ctx context.Context, conn *grpc.ClientConn, method string) (err error) {
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
		err = fmt.Errorf("method %q, want one of the Provisioner's", method)
	}
	return err
}

// Lives fails the test when the driver does not answer.
func (r *Running) Lives(t testing.TB) {
	t.Helper()
	if _, err := cosi.NewIdentityClient(r.Conn).DriverGetInfo(Timeout(t), &cosi.DriverGetInfoRequest{}); err != nil {
		t.Errorf("the driver no longer answers: %v", err)
	}
}

// Create creates the bucket b.
func (r *Running) Create(ctx context.Context) error {
	return CallMethod(ctx, r.Conn, "DriverCreateBucket")
}

// Health asks the driver for the health of a service.
func (r *Running) Health(t testing.TB, service string) (healthpb.HealthCheckResponse_ServingStatus, error) {
	t.Helper()
	answer, err := healthpb.NewHealthClient(r.Conn).Check(Timeout(t), &healthpb.HealthCheckRequest{Service: service})
	return answer.GetStatus(), err
}

// NameOf asks a driver for its name.
func NameOf(t testing.TB, conn *grpc.ClientConn) string {
	t.Helper()
	info, err := cosi.NewIdentityClient(conn).DriverGetInfo(Timeout(t), &cosi.DriverGetInfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return info.GetName()
}

// NameAt asks the driver on a socket for its name over a new connection.
func NameAt(t testing.TB, path string) string {
	t.Helper()
	conn := Dial(t, path)
	defer conn.Close()
	return NameOf(t, conn)
}
