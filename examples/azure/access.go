package main

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// DriverGrantBucketAccess stores a policy and signs for it, or finds the policy that an earlier call stored: signed
// again, it gives the same signature.
func (p *provisioner) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	switch {
	case r.GetBucketId() == "":
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	case r.GetName() == "":
		return nil, status.Error(codes.InvalidArgument, "name is required")
	case r.GetAuthenticationType() != cosi.AuthenticationType_Key:
		return nil, status.Errorf(codes.InvalidArgument, "authentication_type %s is not supported; accepted is Key", r.GetAuthenticationType())
	}
	parameters, err := readAccessParameters(r.GetParameters())
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.limited(ctx)
	defer cancel()
	id := accountID(r.GetName())
	expiry, err := p.storePolicy(ctx, r.GetBucketId(), id, parameters)
	if err != nil {
		return nil, err
	}
	token, err := sign(p.settings, r.GetBucketId(), id)
	if err != nil {
		return nil, err
	}
	credentials := gocosi.AzureCredentials{AccessToken: token, Expiry: expiry}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: id, Credentials: credentials.Map()}, nil
}

// storePolicy returns when the access ends, by the policy that is stored now.
func (p *provisioner) storePolicy(ctx context.Context, bucket, id string, parameters accessParameters) (expiry time.Time, err error) {
	missing := status.Errorf(codes.NotFound, "container %.80q does not exist", bucket)
	if !isContainerName(bucket) {
		return time.Time{}, missing
	}
	err = p.changePolicies(ctx, bucket, func(l *policies) error {
		if found := l.find(id); found != nil {
			if !parameters.match(found) {
				return status.Errorf(codes.FailedPrecondition, "account %q has a policy with other parameters", id)
			}
			expiry = *found.Expiry
			return nil
		}
		if len(l.list) >= mostPolicies {
			return status.Errorf(codes.ResourceExhausted, "container %q has %d stored access policies, and Azure keeps no more", bucket, len(l.list))
		}
		policy := parameters.policy(l.now)
		expiry = *policy.Expiry
		l.add(id, policy)
		return nil
	})
	if gone(err) {
		err = missing
	}
	return expiry, answer(ctx, "store policy", err)
}

// DriverRevokeBucketAccess removes the account's policy: the signature that is bound to it ends with it. What is gone
// already, or was not made by a driver like this one, is a success.
func (p *provisioner) DriverRevokeBucketAccess(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	switch {
	case r.GetBucketId() == "":
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	case r.GetAccountId() == "":
		return nil, status.Error(codes.InvalidArgument, "account_id is required")
	}
	ctx, cancel := p.limited(ctx)
	defer cancel()
	if isContainerName(r.GetBucketId()) && isAccountID(r.GetAccountId()) {
		err := p.changePolicies(ctx, r.GetBucketId(), func(l *policies) error { l.remove(r.GetAccountId()); return nil })
		if err != nil && !gone(err) {
			return nil, answer(ctx, "remove policy", err)
		}
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

// forever is the last time that Azure can write.
func forever() time.Time { return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC) }

// policy is what is stored for the parameters. Its two times say by themselves which lifetime was asked for.
func (a accessParameters) policy(now time.Time) *container.AccessPolicy {
	start := now.UTC().Truncate(time.Second)
	expiry := forever()
	if a.lifetime > 0 {
		expiry = start.Add(a.lifetime)
	}
	return &container.AccessPolicy{Start: &start, Expiry: &expiry, Permission: &a.permission}
}

// match says whether the policy was stored for the same parameters.
func (a accessParameters) match(found *container.AccessPolicy) bool {
	if found.Start == nil || found.Expiry == nil || found.Permission == nil || *found.Permission != a.permission {
		return false
	}
	return found.Expiry.Equal(*a.policy(*found.Start).Expiry)
}
