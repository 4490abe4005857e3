package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"
)

// nobodysLease is the id of a lease that nobody has: it was made at random, as the ids of leases are.
const nobodysLease = "6b1f0c52-9d3a-4e7b-8c41-f2a7d05e9b36"

// absent proves that a container does not exist. What a read did not show may be there all the same, where reads lag
// behind writes; so this asks for a write that changes nothing: to renew a lease that nobody has. A container that exists
// refuses that with a code about leases.
func (p *provisioner) absent(ctx context.Context, id string) (bool, error) {
	client, err := lease.NewContainerClient(p.container(id), &lease.ContainerClientOptions{LeaseID: new(nobodysLease)})
	if err != nil {
		return false, err
	}
	_, err = client.RenewLease(ctx, nil)
	switch {
	case gone(err):
		return true, nil
	case err == nil, bloberror.HasCode(err, bloberror.LeaseIDMismatchWithLeaseOperation, bloberror.LeaseNotPresentWithLeaseOperation,
		bloberror.LeaseIsBrokenAndCannotBeRenewed, bloberror.LeaseLost, bloberror.LeaseNotPresentWithContainerOperation):
		return false, nil
	}
	return false, err
}
