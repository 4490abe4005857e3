package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

// bucketID names the id of a bucket in a result.
const bucketID = "bucket_id"

// call connects, makes one call with a deadline, and prints what it results in.
func (v *invocation) call(ctx context.Context, do func(context.Context, *grpc.ClientConn) (result, error)) error {
	conn, err := v.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	limited, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	r, err := do(limited, conn)
	switch {
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return v.refused(err)
	}
	return v.print(r)
}

// callWith makes one call of the Provisioner server, with the parameters that flags give.
func (v *invocation) callWith(
	ctx context.Context, do func(context.Context, cosi.ProvisionerClient, map[string]string) (result, error),
) error {
	parameters, err := v.readParameters()
	if err != nil {
		return err
	}
	return v.call(ctx, func(ctx context.Context, conn *grpc.ClientConn) (result, error) {
		return do(ctx, cosi.NewProvisionerClient(conn), parameters)
	})
}

func (v *invocation) info(ctx context.Context, _ []string) error {
	return v.call(ctx, func(ctx context.Context, conn *grpc.ClientConn) (result, error) {
		response, err := cosi.NewIdentityClient(conn).DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
		return result{"name": response.GetName()}, err
	})
}

func (v *invocation) create(ctx context.Context, args []string) error {
	return v.callWith(ctx, func(ctx context.Context, client cosi.ProvisionerClient, parameters map[string]string) (result, error) {
		response, err := client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: args[0], Parameters: parameters})
		r := result{bucketID: response.GetBucketId()}
		if info := response.GetBucketInfo(); info != nil {
			r["bucket_info"] = v1alpha1.Fields.Message(info)
		}
		return r, err
	})
}

func (v *invocation) delete(ctx context.Context, args []string) error {
	return v.callWith(ctx, func(ctx context.Context, client cosi.ProvisionerClient, parameters map[string]string) (result, error) {
		_, err := client.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: args[0], DeleteContext: parameters})
		return result{bucketID: args[0], "deleted": true}, err
	})
}

func (v *invocation) grant(ctx context.Context, args []string) error {
	return v.callWith(ctx, func(ctx context.Context, client cosi.ProvisionerClient, parameters map[string]string) (result, error) {
		response, err := client.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
			BucketId: args[0], Name: args[1], AuthenticationType: v.auth, Parameters: parameters,
		})
		return result{"account_id": response.GetAccountId(), "credentials": v.secrets.credentials(response.GetCredentials())}, err
	})
}

func (v *invocation) revoke(ctx context.Context, args []string) error {
	return v.callWith(ctx, func(ctx context.Context, client cosi.ProvisionerClient, parameters map[string]string) (result, error) {
		_, err := client.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{
			BucketId: args[0], AccountId: args[1], RevokeAccessContext: parameters,
		})
		return result{bucketID: args[0], "account_id": args[1], "revoked": true}, err
	})
}

// health succeeds when the driver says SERVING.
func (v *invocation) health(ctx context.Context, _ []string) error {
	var answer healthpb.HealthCheckResponse_ServingStatus
	err := v.call(ctx, func(ctx context.Context, conn *grpc.ClientConn) (result, error) {
		response, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		if st := status.Convert(err); st.Code() == codes.Unimplemented && !notGRPC(st) {
			return nil, status.Errorf(codes.Unimplemented, "the driver does not have the service grpc.health.v1.Health: %s", st.Message())
		}
		answer = response.GetStatus()
		return result{"status": answer.String()}, err
	})
	if err == nil && answer != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("the driver answers %s", answer)
	}
	return err
}

// speaks fails when the server does not speak gRPC. What else it answers is the kit's to report.
func (v *invocation) speaks(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	_, err := cosi.NewIdentityClient(conn).DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
	if err != nil && notGRPC(status.Convert(err)) {
		return v.refused(err)
	}
	return nil
}
