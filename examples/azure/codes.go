package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What the caller is told to do about a failure.
const (
	remedyKey = "it refuses the driver's own key, or where the driver calls from: set one of the account's keys in " + envKeyFile +
		", and let the account's firewall pass the driver"
	remedyNoKeys   = "the storage account refuses the driver's own key, as it does all of its keys: allow access by shared key"
	remedyEndpoint = "the endpoint is another region's or another account's: set " + envEndpoint + " and " + envAccount + " to those of one account"
	remedyLease    = "the container is leased: end the lease"
	remedyPolicy   = "the container is immutable: remove its immutability policy when that may be, or let the blobs expire"
	remedyHold     = "the container has a legal hold: clear it"
	remedyVersions = "the container keeps immutable versions: Azure's management API deletes it"
	remedyPublic   = "the storage account forbids public access, which the container has: make the container private"
	remedyQuota    = "a quota of the storage account is used up: raise it, or delete something"
	remedyBusy     = "it is busy: the call may be repeated"
	remedyChanged  = "somebody else changed the container meanwhile: the call may be repeated"
	remedyDeleting = "the container is being deleted: the call may be repeated in half a minute"
)

// meaning is what a failure of the store's means for the caller.
type meaning struct {
	code   codes.Code
	remedy string
}

// meanings are those of the store's error codes. A code that is not here means what its HTTP status does.
func meanings() map[bloberror.Code]meaning {
	return map[bloberror.Code]meaning{
		bloberror.ContainerNotFound:     {codes.NotFound, ""},
		bloberror.InvalidResourceName:   {codes.InvalidArgument, ""},
		bloberror.ContainerBeingDeleted: {codes.Unavailable, remedyDeleting},
		bloberror.AccountBeingCreated:   {codes.Unavailable, remedyBusy},
		bloberror.ServerBusy:            {codes.Unavailable, remedyBusy},
		bloberror.OperationTimedOut:     {codes.Unavailable, remedyBusy},
		bloberror.SystemInUse:           {codes.Unavailable, remedyBusy},
		bloberror.ConditionNotMet:       {codes.Aborted, remedyChanged},

		"ContainerHasLegalHold":                          {codes.FailedPrecondition, remedyHold},
		"BlobImmutableDueToLegalHold":                    {codes.FailedPrecondition, remedyHold},
		"ContainerImmutabilityPolicyLocked":              {codes.FailedPrecondition, remedyPolicy},
		"ContainerImmutabilityPolicyUnlocked":            {codes.FailedPrecondition, remedyPolicy},
		"ContainerProtectedFromDeletion":                 {codes.FailedPrecondition, remedyPolicy},
		bloberror.BlobImmutableDueToPolicy:               {codes.FailedPrecondition, remedyPolicy},
		bloberror.ImmutabilityPolicyDeleteOnLockedPolicy: {codes.FailedPrecondition, remedyPolicy},
		"ContainerImmutableStorageWithVersioningEnabled": {codes.FailedPrecondition, remedyVersions},
		"PublicAccessNotPermitted":                       {codes.FailedPrecondition, remedyPublic},
		bloberror.ContainerDisabled:                      {codes.FailedPrecondition, "the container is disabled: enable it"},
		bloberror.SnapshotsPresent:                       {codes.FailedPrecondition, "the container holds snapshots: delete them"},
		bloberror.PendingCopyOperation:                   {codes.FailedPrecondition, "something is being copied in the container: the call may be repeated"},
		bloberror.SnapshotOperationRateExceeded:          {codes.Unavailable, remedyBusy},
		bloberror.ResourceNotFound:                       {codes.FailedPrecondition, remedyEndpoint},
		"KeyBasedAuthenticationNotPermitted":             {codes.PermissionDenied, remedyNoKeys},
		bloberror.AccountIsDisabled:                      {codes.PermissionDenied, "the storage account is disabled: enable it"},
		"AccountRequiresHttps":                           {codes.FailedPrecondition, "set an endpoint with https in " + envEndpoint},
	}
}

// meaningOf finds what a code means, or else what it is like: Azure adds codes.
func meaningOf(code bloberror.Code, httpStatus int) meaning {
	if found, known := meanings()[code]; known {
		return found
	}
	switch name := string(code); {
	case strings.HasPrefix(name, "Lease"):
		return meaning{codes.FailedPrecondition, remedyLease}
	case strings.Contains(name, "Immutab"):
		return meaning{codes.FailedPrecondition, remedyPolicy}
	case strings.Contains(name, "LegalHold"):
		return meaning{codes.FailedPrecondition, remedyHold}
	case strings.Contains(name, "Quota") || strings.HasSuffix(name, "LimitExceeded"):
		return meaning{codes.ResourceExhausted, remedyQuota}
	}
	return meaningOfStatus(httpStatus)
}

// meaningOfStatus is the last resort.
func meaningOfStatus(httpStatus int) meaning {
	switch httpStatus {
	case http.StatusUnauthorized, http.StatusForbidden:
		return meaning{codes.PermissionDenied, remedyKey}
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect, http.StatusNotFound:
		return meaning{codes.FailedPrecondition, remedyEndpoint}
	case http.StatusConflict, http.StatusPreconditionFailed:
		return meaning{codes.FailedPrecondition, ""}
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return meaning{codes.Unavailable, remedyBusy}
	case http.StatusInsufficientStorage:
		return meaning{codes.ResourceExhausted, remedyQuota}
	}
	if httpStatus >= http.StatusInternalServerError {
		return meaning{codes.Unavailable, remedyBusy}
	}
	return meaning{codes.Internal, ""}
}

// answer turns the store's error into the caller's; one that was made for the caller already passes. The text of the
// store's answer is left out: it holds signatures.
func answer(ctx context.Context, what string, err error) error {
	if _, ok := status.FromError(err); ok { // nil, too
		return err
	}
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		return status.Errorf(codes.Unavailable, "%s: %v", what, foreign)
	}
	if response, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return storesAnswer(what, response)
	}
	if errors.Is(context.Cause(ctx), errTooSlow) {
		return fmt.Errorf("%w: %w", status.Errorf(codes.Unavailable, "%s: %v", what, errTooSlow), err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	return noAnswer(what, err)
}

func storesAnswer(what string, response *azcore.ResponseError) error {
	means := meaningOf(bloberror.Code(response.ErrorCode), response.StatusCode)
	text := fmt.Sprintf("%s: the store answered %q (HTTP %d)", what, response.ErrorCode, response.StatusCode)
	if means.remedy != "" {
		text += "; " + means.remedy
	}
	return status.Error(means.code, text)
}

// noAnswer is for what is neither an answer of the store's nor somebody else's. What happened last is for the log alone.
func noAnswer(what string, err error) error {
	text := "not the store's answer: it cannot be read"
	if _, ok := errors.AsType[*url.Error](err); ok {
		text = "the store does not answer"
	}
	return fmt.Errorf("%w: %w", status.Errorf(codes.Unavailable, "%s: %s", what, text), err)
}

// gone says that there is no such container, or soon none.
func gone(err error) bool {
	return bloberror.HasCode(err, bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted)
}
