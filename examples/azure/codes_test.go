package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code       string
		httpStatus int
		want       codes.Code
	}{
		{"ContainerNotFound", 404, codes.NotFound},
		{"InvalidResourceName", 400, codes.InvalidArgument},
		{"ContainerBeingDeleted", 409, codes.Unavailable},
		{"AccountBeingCreated", 409, codes.Unavailable},
		{"ConditionNotMet", 412, codes.Aborted},
		{"LeaseIdMissing", 412, codes.FailedPrecondition},
		{"ContainerDisabled", 409, codes.FailedPrecondition},
		{"ServerBusy", 503, codes.Unavailable},
		{"", 502, codes.Unavailable},
		{"", 429, codes.Unavailable},
		{"", 408, codes.Unavailable},
		{"AuthenticationFailed", 403, codes.PermissionDenied},
		{"NoAuthenticationInformation", 401, codes.PermissionDenied},
		{"", 403, codes.PermissionDenied},
		{"", 404, codes.Internal}, // of a wrong endpoint: nothing says that a container is gone
		{"SomethingNew", 400, codes.Internal},
	} {
		wantCode(t, answer(t.Context(), "test", &azcore.ResponseError{ErrorCode: test.code, StatusCode: test.httpStatus}), test.want)
	}
	wantCode(t, answer(t.Context(), "test", errors.New("connection refused")), codes.Unavailable)
	wantCode(t, answer(t.Context(), "test", nil), codes.OK)
	made := status.Error(codes.ResourceExhausted, "five")
	if got := answer(t.Context(), "test", made); got != made { //nolint:errorlint // the same one
		t.Errorf("an answer that was made already became %v", got)
	}
	for httpStatus, want := range map[int]string{
		400: `rpc error: code = Internal desc = grant: the store answered "X" (HTTP 400)`,
		403: `rpc error: code = PermissionDenied desc = grant: the store answered "X" (HTTP 403) to the driver's own key`,
	} {
		if got := fmt.Sprint(answer(t.Context(), "grant", &azcore.ResponseError{ErrorCode: "X", StatusCode: httpStatus})); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
