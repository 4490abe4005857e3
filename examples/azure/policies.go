package main

import (
	"context"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// mostPolicies is how many stored access policies Azure keeps for a container.
const mostPolicies = 5

// policies is the list of a container's stored access policies, as it was at one moment. Azure replaces only the whole
// list, and the public access with it.
type policies struct {
	list   []*container.SignedIdentifier
	public *container.PublicAccessType
	now    time.Time // by the store's clock, before the list was read
	since  time.Time // when the container was last changed
}

// settled says that a later change will show. Azure tells the time of a change in whole seconds: in the second of the
// last one, another could have the same time.
func (l *policies) settled() bool { return l.now.After(l.since) }

func (l *policies) find(id string) *container.AccessPolicy {
	for _, each := range l.list {
		if each.ID != nil && *each.ID == id && each.AccessPolicy != nil {
			return each.AccessPolicy
		}
	}
	return nil
}

func (l *policies) add(id string, policy *container.AccessPolicy) {
	l.list = append(l.list, &container.SignedIdentifier{ID: &id, AccessPolicy: policy})
}

// remove says whether there was one to remove.
func (l *policies) remove(id string) bool {
	before := len(l.list)
	l.list = slices.DeleteFunc(l.list, func(each *container.SignedIdentifier) bool { return each.ID != nil && *each.ID == id })
	return len(l.list) < before
}

// How often a change is tried, and how long the store's clock is given to move on: ten seconds in all.
const (
	attempts = 40
	pause    = 250 * time.Millisecond
)

// changePolicies reads the list, lets edit change it, and writes it if nobody else changed the container meanwhile;
// otherwise it starts again. Nothing is written when edit says that nothing changed.
func (p *provisioner) changePolicies(ctx context.Context, id string, edit func(*policies) (changed bool, err error)) error {
	c := p.container(id)
	for range attempts {
		list, err := readPolicies(ctx, c)
		if err != nil {
			return err
		}
		if changed, err := edit(list); err != nil || !changed {
			return err
		}
		if !list.settled() {
			if err := wait(ctx, pause); err != nil {
				return err
			}
			continue
		}
		if err := writePolicies(ctx, c, list); !bloberror.HasCode(err, bloberror.ConditionNotMet) {
			return err
		}
	}
	return status.Error(codes.Aborted, "others change the policies of the container all the time")
}

// readPolicies asks for the store's time before it asks for the list: no change after that is older.
func readPolicies(ctx context.Context, c *container.Client) (*policies, error) {
	properties, err := c.GetProperties(ctx, nil)
	if err != nil {
		return nil, err
	}
	list, err := c.GetAccessPolicy(ctx, nil)
	if err != nil {
		return nil, err
	}
	found := &policies{list: list.SignedIdentifiers, public: list.BlobPublicAccess}
	if properties.Date != nil && list.LastModified != nil {
		found.now, found.since = *properties.Date, *list.LastModified
	}
	return found, nil
}

func writePolicies(ctx context.Context, c *container.Client, l *policies) error {
	_, err := c.SetAccessPolicy(ctx, &container.SetAccessPolicyOptions{
		Access: l.public, ContainerACL: l.list,
		AccessConditions: &container.AccessConditions{ModifiedAccessConditions: &container.ModifiedAccessConditions{IfUnmodifiedSince: &l.since}},
	})
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
