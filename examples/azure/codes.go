package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// answers says what the caller is told for each error code of the store. UNAVAILABLE stands for what passes by itself.
func answers(code bloberror.Code) (codes.Code, bool) {
	switch code { // the rest is told by the HTTP status
	case bloberror.ContainerNotFound:
		return codes.NotFound, true
	case bloberror.InvalidResourceName:
		return codes.InvalidArgument, true
	case bloberror.ContainerAlreadyExists:
		return codes.AlreadyExists, true
	case bloberror.ContainerBeingDeleted, bloberror.ServerBusy, bloberror.InternalError, bloberror.OperationTimedOut,
		bloberror.AccountBeingCreated, bloberror.SystemInUse:
		return codes.Unavailable, true
	case bloberror.ConditionNotMet: // somebody else changed the container meanwhile
		return codes.Aborted, true
	case bloberror.LeaseIDMissing, bloberror.ContainerDisabled, bloberror.BlobImmutableDueToPolicy: // somebody holds the container
		return codes.FailedPrecondition, true
	case bloberror.AuthenticationFailed, bloberror.AuthorizationFailure, bloberror.InvalidAuthenticationInfo,
		bloberror.NoAuthenticationInformation, bloberror.AuthorizationPermissionMismatch, bloberror.AuthorizationSourceIPMismatch,
		bloberror.InsufficientAccountPermissions, bloberror.AccountIsDisabled: // the driver's own key, which no caller can mend
		return codes.Internal, true
	}
	return codes.Internal, false
}

// byStatus is the answer for an error without a code that the table has, such as that of a proxy.
func byStatus(httpStatus int) codes.Code {
	if httpStatus >= http.StatusInternalServerError || httpStatus == http.StatusTooManyRequests || httpStatus == http.StatusRequestTimeout {
		return codes.Unavailable
	}
	return codes.Internal
}

// answer turns the store's error into the caller's; one that was made for the caller already passes. The text of the
// store's answer is left out: it holds signatures.
func answer(ctx context.Context, what string, err error) error {
	if _, ok := status.FromError(err); ok { // nil, too
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok { // no answer; what was tried last is for the log alone
		return fmt.Errorf("%w: %w", status.Errorf(codes.Unavailable, "%s: the store does not answer", what), err)
	}
	code, ok := answers(bloberror.Code(response.ErrorCode))
	if !ok {
		code = byStatus(response.StatusCode)
	}
	return status.Errorf(code, "%s: the store answered %q (HTTP %d)", what, response.ErrorCode, response.StatusCode)
}

// gone says that there is no such container, or soon none.
func gone(err error) bool {
	return bloberror.HasCode(err, bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted)
}
