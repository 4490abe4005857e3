package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/ceph/go-ceph/rgw/admin"
)

// cephClient sends the requests of the admin API, as the stage recognize does with those of the SDK: it lets pass what is the
// store's answer, within bounds, and tries again what passes by itself.
type cephClient struct {
	next    aws.HTTPClient
	pace    pace
	retryer *retryer
	measure *measure
}

// noCephUser is the code by which the admin API says that there is no such user.
const noCephUser = "NoSuchUser"

// adminError is an error of the admin API.
type adminError struct {
	smithy.GenericAPIError
	httpStatus int
	retryAfter string
}

// HTTPStatusCode is for the table of codes, and for the retryer.
func (r *adminError) HTTPStatusCode() int { return r.httpStatus }

// Do repeats a request, which has no body.
func (c *cephClient) Do(request *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		response, err := c.try(request)
		if err == nil || attempt == attempts || !c.retryer.IsErrorRetryable(err) {
			return response, err
		}
		delay, fault := c.retryer.RetryDelay(attempt, err)
		if fault == nil {
			fault = c.pace.wait(request.Context(), delay)
		}
		if fault != nil {
			return nil, errors.Join(fault, err)
		}
	}
}

func (c *cephClient) try(request *http.Request) (*http.Response, error) {
	if err := overdue(request.Context()); err != nil {
		return nil, err
	}
	began := c.measure.begin(request.Context())
	response, err := c.exchange(request)
	if !began.IsZero() {
		c.measure.end(request.Context(), began, byAdmin(request, response, err))
	}
	return response, err
}

func (c *cephClient) exchange(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), c.pace.patience)
	defer cancel()
	response, body, whole, err := c.send(request.WithContext(ctx))
	switch {
	case err != nil && request.Context().Err() != nil:
		return nil, request.Context().Err()
	case ctx.Err() != nil:
		return nil, late(c.pace.patience)
	case err != nil:
		return nil, &smithyhttp.RequestSendError{Err: err}
	case whole && provesAdmin(request.Method, response.StatusCode, body):
		response.Body = io.NopCloser(bytes.NewReader(body))
		return response, nil
	}
	if code := adminCode(body); whole && code != "" && response.StatusCode >= http.StatusMultipleChoices {
		return nil, &adminError{
			GenericAPIError: smithy.GenericAPIError{Code: code}, httpStatus: response.StatusCode, retryAfter: response.Header.Get("Retry-After"),
		}
	}
	return nil, newStrange(response, body, c.pace.answer, true)
}

func (c *cephClient) send(request *http.Request) (response *http.Response, body []byte, whole bool, err error) {
	response, err = c.next.Do(request)
	if err != nil {
		return nil, nil, false, err
	}
	body, whole, err = readAnswer(response, c.pace.answer)
	return response, body, whole, err
}

// provesAdmin says whether an answer of the admin API is a success: a user, or nothing for a deletion.
func provesAdmin(method string, httpStatus int, body []byte) bool {
	if method == http.MethodDelete {
		return httpStatus == http.StatusOK && len(bytes.TrimSpace(body)) == 0
	}
	var user admin.User
	return httpStatus == http.StatusOK && json.Unmarshal(body, &user) == nil && user.ID != ""
}

// adminCode returns the code of an error of the admin API, by the names that it gives to each answer and to itself; "" if it is
// none.
func adminCode(body []byte) string {
	var answer struct {
		Code      string `json:"Code"`
		RequestID string `json:"RequestId"`
		HostID    string `json:"HostId"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.RequestID == "" || answer.HostID == "" {
		return ""
	}
	return answer.Code
}
