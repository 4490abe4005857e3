package driver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// grpcCodes says what the store's error codes mean to the sidecar, of a whole answer and of one object among many. For a
// code that is not here, the HTTP status decides: see codeOf.
//
//nolint:gochecknoglobals // a table that nothing changes
var grpcCodes = map[string]codes.Code{
	noBucket:              codes.NotFound,
	"BucketAlreadyExists": codes.AlreadyExists,
	"InvalidBucketName":   codes.InvalidArgument,

	"BucketNotEmpty":                  codes.FailedPrecondition,
	"DeleteConflict":                  codes.FailedPrecondition, // somebody gave our user a group or another policy
	"ObjectLocked":                    codes.FailedPrecondition, // a retention or a legal hold
	"InvalidRetentionPeriod":          codes.FailedPrecondition,
	"InvalidBucketState":              codes.FailedPrecondition,
	"OperationAborted":                codes.FailedPrecondition, // another operation on the bucket is in progress
	"RestoreAlreadyInProgress":        codes.FailedPrecondition,
	"RequestTimeTooSkewed":            codes.FailedPrecondition, // a clock is wrong
	"RequestExpired":                  codes.FailedPrecondition,
	noEntity:                          codes.Aborted, // it was there a moment ago
	"EntityAlreadyExists":             codes.Aborted,
	noCephUser:                        codes.Aborted,
	"UserAlreadyExists":               codes.Aborted,
	"BucketAlreadyOwnedByYou":         codes.Aborted,
	"ConditionalRequestConflict":      codes.Aborted,
	"PreconditionFailed":              codes.Aborted,
	"ConcurrentModification":          codes.Aborted,
	"ConcurrentModificationException": codes.Aborted,
	"EntityTemporarilyUnmodifiable":   codes.Aborted,

	"LimitExceeded":                 codes.ResourceExhausted,
	"TooManyBuckets":                codes.ResourceExhausted,
	"QuotaExceeded":                 codes.ResourceExhausted,
	"ServiceQuotaExceeded":          codes.ResourceExhausted,
	"ServiceQuotaExceededException": codes.ResourceExhausted,
	"InsufficientStorage":           codes.ResourceExhausted,
	"InsufficientCapacity":          codes.ResourceExhausted,

	"InternalError":             codes.Unavailable,
	"InternalFailure":           codes.Unavailable,
	"ServiceFailure":            codes.Unavailable,
	"ServiceUnavailable":        codes.Unavailable,
	"RequestTimeout":            codes.Unavailable,
	"SlowDown":                  codes.Unavailable,
	"SlowDownRead":              codes.Unavailable,
	"SlowDownWrite":             codes.Unavailable,
	"ServerBusy":                codes.Unavailable,
	"Busy":                      codes.Unavailable,
	"Throttling":                codes.Unavailable,
	"ThrottlingException":       codes.Unavailable,
	"ThrottledException":        codes.Unavailable,
	"RequestThrottled":          codes.Unavailable,
	"RequestThrottledException": codes.Unavailable,
	"RequestLimitExceeded":      codes.Unavailable,
	"BandwidthLimitExceeded":    codes.Unavailable,
	"TooManyRequests":           codes.Unavailable,
	"TooManyRequestsException":  codes.Unavailable,

	"AccessDenied":                codes.PermissionDenied,
	"AccessDeniedException":       codes.PermissionDenied,
	"AllAccessDisabled":           codes.PermissionDenied,
	"AccountProblem":              codes.PermissionDenied,
	"AuthFailure":                 codes.PermissionDenied,
	"ExpiredToken":                codes.PermissionDenied,
	"IncompleteSignature":         codes.PermissionDenied,
	"InvalidAccessKeyId":          codes.PermissionDenied,
	"InvalidClientTokenId":        codes.PermissionDenied,
	"InvalidSecurity":             codes.PermissionDenied,
	"InvalidToken":                codes.PermissionDenied,
	"MissingAuthenticationToken":  codes.PermissionDenied,
	"NotSignedUp":                 codes.PermissionDenied,
	"OptInRequired":               codes.PermissionDenied,
	"SignatureDoesNotMatch":       codes.PermissionDenied,
	"UnauthorizedAccess":          codes.PermissionDenied,
	"UnrecognizedClientException": codes.PermissionDenied,

	"NotImplemented":   codes.Unimplemented,
	"MethodNotAllowed": codes.Unimplemented,
}

// otherRegion lists the codes that mean: this is not the bucket's region, or not that of the address.
//
//nolint:gochecknoglobals // a table that nothing changes
var otherRegion = []string{
	"PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed", "IncorrectEndpoint",
	"IllegalLocationConstraintException", "InvalidLocationConstraint", "InvalidRegion",
}

// failed turns a failure of the store into a status that tells the sidecar what was tried and the store's code. The whole
// cause is for the log. What ended with its context is left to gocosi, and a status stays as it is. It returns nil for nil.
func failed(trying string, err error) error {
	if _, ours := status.FromError(err); ours { // nil, too
		return err
	}
	if contextEnded(err) {
		return fmt.Errorf("%s: %w", trying, err)
	}
	code, reason := diagnose(err)
	return fmt.Errorf("%w: %w", status.Error(code, trying+": "+reason), err)
}

// diagnose says in the sidecar's terms what a failure of the store means.
func diagnose(err error) (code codes.Code, reason string) {
	if odd, ok := errors.AsType[*strange](err); ok {
		return ofStrange(odd)
	}
	name, message, httpStatus := storeCode(err)
	switch {
	case httpStatus == 0:
		return codes.Unavailable, "the store does not answer"
	case name == "": // an answer that even the SDK cannot read
		return ofStrange(&strange{httpStatus: httpStatus, what: fmt.Sprintf("not the store's answer: HTTP %d", httpStatus)})
	}
	return ofCode(name, message, httpStatus)
}

// itemFailed is failed for one object among many, whose error comes in an answer that is a success otherwise.
func itemFailed(trying string, item types.Error) error {
	code, reason := ofCode(aws.ToString(item.Code), aws.ToString(item.Message), 0)
	return status.Errorf(code, "%s: %s", trying, reason)
}

// protected is what stores say of an object that nobody may delete yet. AWS has no code of its own for it.
var protected = regexp.MustCompile(`(?i)object.?lock|worm|retention|legal.?hold|immutab`)

func ofCode(name, message string, httpStatus int) (codes.Code, string) {
	code, known := grpcCodes[name]
	if !known {
		code = codeOf(httpStatus)
	}
	reason := "the store answers " + name
	switch {
	case slices.Contains(otherRegion, name), !known && redirect(httpStatus):
		return codes.FailedPrecondition, reason + ": " + checkRegion
	case code == codes.PermissionDenied && protected.MatchString(message):
		return codes.FailedPrecondition, reason + ": it is protected by a retention or a legal hold"
	case code == codes.PermissionDenied:
		return code, reason + " to the driver's own key"
	}
	return code, reason
}

const checkRegion = "the region is another one; check " + EnvRegion + ", " + EnvEndpoint + " and " + EnvNoLocation

// ofStrange says what an answer without the store's own mark means: something stands between, unless it says why.
func ofStrange(odd *strange) (codes.Code, string) {
	switch {
	case odd.httpStatus == http.StatusUnauthorized || odd.httpStatus == http.StatusForbidden:
		return codes.PermissionDenied, fmt.Sprintf("the store answers %s to the driver's own key", http.StatusText(odd.httpStatus))
	case redirect(odd.httpStatus):
		return codes.FailedPrecondition, fmt.Sprintf("the store answers %s: %s", http.StatusText(odd.httpStatus), checkRegion)
	}
	return codes.Unavailable, odd.what
}

// redirect says whether a status is one by which a store names another region. It never sends the others.
func redirect(httpStatus int) bool {
	return httpStatus == http.StatusMovedPermanently || httpStatus == http.StatusTemporaryRedirect || httpStatus == http.StatusPermanentRedirect
}

// storeCode returns the store's error code and message; httpStatus is 0 when it gave no answer.
func storeCode(err error) (name, message string, httpStatus int) {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.Response != nil {
		httpStatus = response.HTTPStatusCode()
	}
	if own, ok := errors.AsType[*adminError](err); ok {
		httpStatus = own.httpStatus
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() != unknownCode {
		return api.ErrorCode(), api.ErrorMessage(), httpStatus
	}
	return "", "", httpStatus
}

// unknownCode is what the AWS SDK says when an answer holds no code.
const unknownCode = "UnknownError"

// codeOf is the last resort for a code of the store that is not in the table; 0 is that of an object among many.
func codeOf(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusUnauthorized, http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusConflict, http.StatusPreconditionFailed:
		return codes.Aborted
	case http.StatusLocked, 0:
		return codes.FailedPrecondition
	case http.StatusInsufficientStorage:
		return codes.ResourceExhausted
	}
	if busy(httpStatus) {
		return codes.Unavailable
	}
	return codes.Internal
}

// retryAfter returns the header by which a store says when to come again; "" without one.
func retryAfter(err error) string {
	if odd, ok := errors.AsType[*strange](err); ok {
		return odd.retryAfter
	}
	if own, ok := errors.AsType[*adminError](err); ok {
		return own.retryAfter
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.Response != nil {
		return response.Response.Header.Get("Retry-After")
	}
	return ""
}

func contextEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// answered says whether an error is one of these codes of the store.
func answered(err error, names ...string) bool {
	name, _, _ := storeCode(err)
	return slices.Contains(names, name)
}
