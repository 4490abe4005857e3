package main

import (
	"context"
	"errors"
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
	now    time.Time // by the store's clock, before the list was read; a success without it is not the store's
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

func (l *policies) remove(id string) {
	l.list = slices.DeleteFunc(l.list, func(each *container.SignedIdentifier) bool { return each.ID != nil && *each.ID == id })
}

// attempts is how often a change is tried. Each attempt is three requests at most.
const attempts = 16

// changePolicies reads the list, lets edit change it, and writes it if nobody else changed the container meanwhile;
// otherwise it starts again. It writes even what edit left as it was: that proves that the list which edit saw was the
// list at that moment, however late the store's reads are, and no earlier request that is still under way can change it
// afterwards.
func (p *provisioner) changePolicies(ctx context.Context, id string, edit func(*policies) error) error {
	var obstacle error
	for attempt := range attempts {
		err := p.changeOnce(ctx, id, edit)
		passing, ok := errors.AsType[*passingError](err)
		if !ok && obstacle != nil && errors.Is(context.Cause(ctx), errTooSlow) {
			return obstacle
		}
		if !ok {
			return err
		}
		obstacle = passing.answer
		if err := wait(ctx, p.waits.pause*time.Duration(1+attempt/(attempts/2))); err != nil {
			if errors.Is(context.Cause(ctx), errTooSlow) {
				return obstacle
			}
			return err
		}
	}
	return obstacle
}

// passingError is an obstacle that may be gone in a moment, and what the caller is told if it stays.
type passingError struct{ answer error }

func (p *passingError) Error() string { return p.answer.Error() }

func (p *provisioner) changeOnce(ctx context.Context, id string, edit func(*policies) error) error {
	c := p.container(id)
	list, err := readPolicies(ctx, c)
	if gone(err) {
		return p.proveGone(ctx, id, err)
	}
	if err != nil {
		return err
	}
	if err := edit(list); err != nil {
		return err
	}
	if !list.settled() {
		return &passingError{status.Error(codes.Unavailable,
			"the container was changed just now, and the store's clock does not move on: the call may be repeated")}
	}
	switch err := writePolicies(ctx, c, list); {
	case bloberror.HasCode(err, bloberror.ConditionNotMet):
		return &passingError{status.Error(codes.Aborted, "others change the container all the time, or the store's reads are late: the call may be repeated")}
	case gone(err):
		return p.proveGone(ctx, id, err)
	default:
		return err
	}
}

// proveGone returns the store's error that a container is gone, if that is so.
func (p *provisioner) proveGone(ctx context.Context, id string, said error) error {
	absent, err := p.absent(ctx, id)
	switch {
	case err != nil:
		return err
	case absent:
		return said
	}
	return &passingError{status.Error(codes.Unavailable,
		"the store says that the container is gone, and that it exists: its reads are late, and the call may be repeated")}
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
	return &policies{list: list.SignedIdentifiers, public: list.BlobPublicAccess, now: *properties.Date, since: *list.LastModified}, nil
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
