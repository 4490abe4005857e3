package main

import (
	"errors"
	"slices"
	"strings"
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
		{"SomethingNew", 400, codes.Internal},
		{"SomethingNew", 404, codes.FailedPrecondition}, // of a wrong endpoint: nothing says that a container is gone
		{"SomethingNew", 409, codes.FailedPrecondition},
		{"SomethingNew", 412, codes.FailedPrecondition},
		{"SomethingNew", 503, codes.Unavailable},
		{"", 301, codes.FailedPrecondition},
		{"", 307, codes.FailedPrecondition},
		{"ResourceNotFound", 404, codes.FailedPrecondition},
		{"LeaseIdMismatchWithContainerOperation", 412, codes.FailedPrecondition},
		{"LeaseAlreadyPresent", 409, codes.FailedPrecondition},
		{"ContainerHasLegalHold", 409, codes.FailedPrecondition},
		{"ContainerImmutabilityPolicyLocked", 409, codes.FailedPrecondition},
		{"ContainerImmutableStorageWithVersioningEnabled", 409, codes.FailedPrecondition},
		{"ContainerProtectedFromDeletion", 409, codes.FailedPrecondition},
		{"BlobImmutableDueToPolicy", 409, codes.FailedPrecondition},
		{"BlobImmutableDueToLegalHold", 409, codes.FailedPrecondition},
		{"SnapshotsPresent", 409, codes.FailedPrecondition},
		{"PendingCopyOperation", 409, codes.FailedPrecondition},
		{"PublicAccessNotPermitted", 409, codes.FailedPrecondition},
		{"AccountQuotaExceeded", 409, codes.ResourceExhausted},
		{"AccountLimitExceeded", 409, codes.ResourceExhausted},
		{"", 507, codes.ResourceExhausted},
		{"SnapshotOperationRateExceeded", 409, codes.Unavailable},
		{"KeyBasedAuthenticationNotPermitted", 403, codes.PermissionDenied},
		{"AccountIsDisabled", 403, codes.PermissionDenied},
	} {
		wantCode(t, answer(t.Context(), "test", &azcore.ResponseError{ErrorCode: test.code, StatusCode: test.httpStatus}), test.want)
	}
	wantCode(t, answer(t.Context(), "test", errors.New("no XML")), codes.Unavailable)
	wantCode(t, answer(t.Context(), "test", &foreignError{what: "HTTP 200"}), codes.Unavailable)
	wantCode(t, answer(t.Context(), "test", nil), codes.OK)
	made := status.Error(codes.ResourceExhausted, "five")
	if got := answer(t.Context(), "test", made); got != made { //nolint:errorlint // the same one
		t.Errorf("an answer that was made already became %v", got)
	}
}

// A remedy is one that applies: it names what is wrong, and nothing that has no part in it.
func TestRemedies(t *testing.T) {
	t.Parallel()
	all := []string{"lease", "legal hold", "immutability policy", "own key", "region", "quota", emptyOnDelete}
	for code, want := range map[string]struct {
		httpStatus int
		words      []string
	}{
		"LeaseIdMissing":                     {412, []string{"lease"}},
		"ContainerHasLegalHold":              {409, []string{"legal hold"}},
		"ContainerImmutabilityPolicyLocked":  {409, []string{"immutability policy"}},
		"AuthenticationFailed":               {403, []string{"own key"}},
		"KeyBasedAuthenticationNotPermitted": {403, []string{"own key"}},
		"SomewhereElse":                      {301, []string{"region"}},
		"AccountQuotaExceeded":               {409, []string{"quota"}},
		"ServerBusy":                         {503, nil},
		"InvalidHeaderValue":                 {400, nil},
	} {
		err := answer(t.Context(), "test", &azcore.ResponseError{ErrorCode: code, StatusCode: want.httpStatus})
		said := strings.ReplaceAll(err.Error(), code, "")
		for _, word := range all {
			if strings.Contains(said, word) != slices.Contains(want.words, word) {
				t.Errorf("%s: %q in: %v", code, word, err)
			}
		}
	}
}
