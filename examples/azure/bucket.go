package main

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

var containerCharacters = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)

// isContainerName says whether Azure takes the name. An id that it does not take is no container's: it is never sent, as
// a slash in it would name something else.
func isContainerName(name string) bool {
	return containerCharacters.MatchString(name) && !strings.Contains(name, "--")
}

// DriverCreateBucket makes the container, or finds the one that an earlier call with the same parameters made.
func (p *provisioner) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	name := r.GetName()
	if !isContainerName(name) {
		return nil, status.Errorf(codes.InvalidArgument, "name %.80q is not a container's: 3 to 63 of a-z, 0-9 and single -, which is neither first nor last", name)
	}
	parameters, err := readBucketParameters(r.GetParameters())
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.limited(ctx)
	defer cancel()
	if err := p.createContainer(ctx, name, mark{driver: p.driver, parameters: parameters}); err != nil {
		return nil, err
	}
	info := &cosi.Protocol{Type: &cosi.Protocol_AzureBlob{AzureBlob: &cosi.AzureBlob{StorageAccount: p.account}}}
	return &cosi.DriverCreateBucketResponse{BucketId: name, BucketInfo: info}, nil
}

// createContainer makes the container with its mark in one call.
func (p *provisioner) createContainer(ctx context.Context, name string, wanted mark) error {
	_, err := p.container(name).Create(ctx, &container.CreateOptions{Metadata: wanted.metadata()})
	if !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		return answer(ctx, "create container", err)
	}
	properties, err := p.container(name).GetProperties(ctx, nil)
	if gone(err) { // between the two calls, or to a read that is late
		return status.Error(codes.Unavailable, remedyDeleting)
	}
	if err != nil {
		return answer(ctx, "look at container", err)
	}
	switch found := readMark(properties.Metadata); {
	case found == wanted:
		return nil
	case found.driver == p.driver:
		return status.Errorf(codes.AlreadyExists, "container %q exists with other parameters", name)
	}
	return status.Errorf(codes.AlreadyExists, "container %q exists and was not made by this driver", name)
}

// DriverDeleteBucket removes the container with the policies in it. One that is gone is a success.
func (p *provisioner) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	if r.GetBucketId() == "" {
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	}
	allowed, err := readDeleteContext(r.GetDeleteContext())
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.limited(ctx)
	defer cancel()
	if isContainerName(r.GetBucketId()) {
		err = p.deleteContainer(ctx, r.GetBucketId(), allowed)
	}
	if err != nil {
		return nil, err
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

// deleteContainer looks whose the container is and whether it is empty, and deletes it if nobody changed it meanwhile.
// Azure's condition sees another container of the same name, but no blob that is written in between.
func (p *provisioner) deleteContainer(ctx context.Context, id string, allowed deleteContext) error {
	properties, err := p.container(id).GetProperties(ctx, nil)
	if gone(err) {
		return p.deleted(ctx, id, err)
	}
	if err != nil {
		return answer(ctx, "look at container", err)
	}
	if !allowed.deleteUnowned && readMark(properties.Metadata).driver != p.driver {
		return status.Errorf(codes.FailedPrecondition, "container %q was not made by this driver: parameter %s=true deletes it", id, deleteUnowned)
	}
	if !allowed.emptyOnDelete {
		if err := p.mustBeEmpty(ctx, id); err != nil {
			return err
		}
	}
	unchanged := &container.AccessConditions{ModifiedAccessConditions: &container.ModifiedAccessConditions{IfUnmodifiedSince: properties.LastModified}}
	_, err = p.container(id).Delete(ctx, &container.DeleteOptions{AccessConditions: unchanged})
	if gone(err) {
		return p.deleted(ctx, id, err)
	}
	return answer(ctx, "delete container", err)
}

// deleted is the answer to a delete of a container that the store says is gone.
func (p *provisioner) deleted(ctx context.Context, id string, said error) error {
	err := p.proveGone(ctx, id, said)
	if gone(err) {
		return nil
	}
	if passing, ok := errors.AsType[*passingError](err); ok {
		return passing.answer
	}
	return answer(ctx, proveAbsence, err)
}

// mostPages is how many pages without a blob are read of a list. The driver asks for one blob: one page is usual.
const mostPages = 50

// mustBeEmpty refuses a container that holds a blob, or a part of one that is being written.
func (p *provisioner) mustBeEmpty(ctx context.Context, id string) error {
	pager := p.container(id).NewListBlobsFlatPager(&container.ListBlobsFlatOptions{
		MaxResults: new(int32(1)), Include: container.ListBlobsInclude{UncommittedBlobs: true},
	})
	marker := ""
	for range mostPages { // a page may be empty and not the last one
		page, err := pager.NextPage(ctx)
		if gone(err) {
			return p.deleted(ctx, id, err)
		}
		if err != nil {
			return answer(ctx, "list container", err)
		}
		if page.Segment == nil {
			return answer(ctx, "list container", &foreignError{what: "a list without blobs in it"})
		}
		if len(page.Segment.BlobItems) > 0 {
			return status.Errorf(codes.FailedPrecondition, "container %q is not empty: parameter %s=true deletes it with its content", id, emptyOnDelete)
		}
		if !pager.More() {
			return nil
		}
		if *page.NextMarker == marker {
			return status.Errorf(codes.Unavailable, "list container: the store answers the same page of %q again and again", id)
		}
		marker = *page.NextMarker
	}
	return status.Errorf(codes.FailedPrecondition, "the list of container %q has %d pages without a blob, and no end: "+
		"parameter %s=true deletes it without a look", id, mostPages, emptyOnDelete)
}
