package driver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// grpcCodes says what the store's error codes mean to the sidecar. A 5xx that is not here is UNAVAILABLE, a 4xx INTERNAL.
//
//nolint:gochecknoglobals // a table that nothing changes
var grpcCodes = map[string]codes.Code{
	"NoSuchBucket":        codes.NotFound,
	"BucketAlreadyExists": codes.AlreadyExists,
	"InvalidBucketName":   codes.InvalidArgument,

	"BucketNotEmpty":                     codes.FailedPrecondition,
	"DeleteConflict":                     codes.FailedPrecondition, // somebody gave our user a group or another policy
	"IllegalLocationConstraintException": codes.FailedPrecondition, // S3_REGION is not the store's
	"InvalidLocationConstraint":          codes.FailedPrecondition,
	"RequestTimeTooSkewed":               codes.FailedPrecondition, // a clock is wrong

	"NoSuchEntity":                    codes.Aborted, // it was there a moment ago
	"OperationAborted":                codes.Aborted,
	"ConcurrentModification":          codes.Aborted,
	"EntityTemporarilyUnmodifiable":   codes.Aborted,
	"ConcurrentModificationException": codes.Aborted,
	"LimitExceeded":                   codes.ResourceExhausted,
	"TooManyBuckets":                  codes.ResourceExhausted,
	"QuotaExceeded":                   codes.ResourceExhausted,
	"RequestTimeout":                  codes.Unavailable,
	"SlowDown":                        codes.Unavailable,
	"Throttling":                      codes.Unavailable,
	"ThrottlingException":             codes.Unavailable,
	"RequestLimitExceeded":            codes.Unavailable,
	"TooManyRequestsException":        codes.Unavailable,
	"AccessDenied":                    codes.PermissionDenied,
	"ExpiredToken":                    codes.PermissionDenied,
	"InvalidAccessKeyId":              codes.PermissionDenied,
	"InvalidClientTokenId":            codes.PermissionDenied,
	"SignatureDoesNotMatch":           codes.PermissionDenied,
	"NotImplemented":                  codes.Unimplemented,
	"MethodNotAllowed":                codes.Unimplemented,
}

// failed turns a failure of the store into a status that tells the sidecar what was tried and the store's code. The whole
// cause is for the log. What ended with its context is left to gocosi. It returns nil for nil.
func failed(trying string, err error) error {
	switch {
	case err == nil:
		return nil
	case contextEnded(err):
		return fmt.Errorf("%s: %w", trying, err)
	}
	code, reason := diagnose(err)
	return fmt.Errorf("%w: %w", status.Error(code, trying+": "+reason), err)
}

// diagnose says in the sidecar's terms what a failure of the store means.
func diagnose(err error) (code codes.Code, reason string) {
	name, httpStatus := storeCode(err)
	if name == "" {
		return codes.Unavailable, "the store does not answer"
	}
	code, known := grpcCodes[name]
	if !known {
		code = codeOf(httpStatus)
	}
	reason = "the store answers " + name
	if code == codes.PermissionDenied {
		reason += " to the driver's own key"
	}
	return code, reason
}

// storeCode returns the store's error code, or the HTTP status's text where it gave none; "" when it gave no answer.
func storeCode(err error) (name string, httpStatus int) {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		httpStatus = response.HTTPStatusCode()
		name = http.StatusText(httpStatus)
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() != unknownCode {
		name = api.ErrorCode()
	}
	return name, httpStatus
}

// unknownCode is what the AWS SDK says when an answer holds no code.
const unknownCode = "UnknownError"

func codeOf(httpStatus int) codes.Code {
	if httpStatus >= http.StatusBadRequest && httpStatus < http.StatusInternalServerError {
		return codes.Internal
	}
	return codes.Unavailable
}

func contextEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// answered says whether an error is one of these codes of the store.
func answered(err error, names ...string) bool {
	name, _ := storeCode(err)
	return slices.Contains(names, name)
}
