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

// answers says what the caller is told for an error code of the store, and its HTTP status where the code says no more
// than that. UNAVAILABLE stands for what passes by itself. A refusal of the driver's own key (401, 403) is
// PERMISSION_DENIED.
func answers(code bloberror.Code, httpStatus int) codes.Code {
	switch code {
	case bloberror.ContainerNotFound:
		return codes.NotFound
	case bloberror.InvalidResourceName:
		return codes.InvalidArgument
	case bloberror.ContainerBeingDeleted, bloberror.AccountBeingCreated:
		return codes.Unavailable
	case bloberror.ConditionNotMet: // somebody else changed the container meanwhile
		return codes.Aborted
	case bloberror.LeaseIDMissing, bloberror.ContainerDisabled: // somebody else holds the container
		return codes.FailedPrecondition
	}
	return answersHTTP(httpStatus)
}

func answersHTTP(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusUnauthorized, http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return codes.Unavailable
	}
	if httpStatus >= http.StatusInternalServerError {
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
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok { // no answer; what was tried last is for the log alone
		return fmt.Errorf("%w: %w", status.Errorf(codes.Unavailable, "%s: the store does not answer", what), err)
	}
	code := answers(bloberror.Code(response.ErrorCode), response.StatusCode)
	text := fmt.Sprintf("%s: the store answered %q (HTTP %d)", what, response.ErrorCode, response.StatusCode)
	if code == codes.PermissionDenied {
		text += " to the driver's own key"
	}
	return status.Error(code, text)
}

// gone says that there is no such container, or soon none.
func gone(err error) bool {
	return bloberror.HasCode(err, bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted)
}
