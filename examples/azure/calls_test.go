package main

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// The sidecar's calls, in short.

func create(ctx context.Context, p cosi.ProvisionerServer, name string, parameters map[string]string) error {
	_, err := p.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name, Parameters: parameters})
	return err
}

func remove(ctx context.Context, p cosi.ProvisionerServer, id string, parameters map[string]string) error {
	_, err := p.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: id, DeleteContext: parameters})
	return err
}

// granted is what an application gets to see.
type granted struct{ account, token, expiry string }

func grant(ctx context.Context, p cosi.ProvisionerServer, bucket, name string, parameters map[string]string) (granted, error) {
	r, err := p.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
		BucketId: bucket, Name: name, AuthenticationType: cosi.AuthenticationType_Key, Parameters: parameters,
	})
	secrets := r.GetCredentials()["azure"].GetSecrets()
	return granted{r.GetAccountId(), secrets["accessToken"], secrets["expiryTs"]}, err
}

func revoke(ctx context.Context, p cosi.ProvisionerServer, bucket, account string) error {
	_, err := p.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: bucket, AccountId: account})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustGrant(t *testing.T, p cosi.ProvisionerServer, bucket, name string, parameters map[string]string) granted {
	t.Helper()
	g, err := grant(t.Context(), p, bucket, name, parameters)
	must(t, err)
	return g
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("answered %s, want %s: %v", got, want, err)
	}
}
