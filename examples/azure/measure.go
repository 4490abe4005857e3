package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
)

// measured records each request to the store, repeats too, in OpenTelemetry's metric for clients of HTTP. Every attribute has
// few values: URLs are none, as they hold names of containers.
type measured struct {
	next     policy.Transporter
	duration httpconv.ClientRequestDuration
	server   []attribute.KeyValue // what is the same in all requests
}

// scope names who measures.
const scope = "github.com/doomshrine/gocosi/examples/azure"

// unknownOperation is that of a request which is not in the driver's list, by the conventions.
const unknownOperation = "_OTHER"

// The values of error.type besides HTTP statuses.
const (
	notTheStore        = "not_the_store" // an answer came, and is somebody else's
	tookTooLong        = "timeout"
	wasCanceled        = "canceled" // by the sidecar, or with the driver's end
	nameNotResolved    = "name_not_resolved"
	certificateInvalid = "server_certificate_invalid"
	connectionFailed   = "connection_failed"
	otherFailure       = "_OTHER"
)

// newMeasured measures what goes through the transport. Without a provider of its own, the metric goes where OpenTelemetry's
// global one sends it, once there is one: see gocosi.WithGlobalMeterProvider. Its boundaries reach beyond tryTimeout.
func newMeasured(s settings, next policy.Transporter) measured {
	provider := s.meter
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	duration, err := httpconv.NewClientRequestDuration(provider.Meter(scope))
	if err != nil {
		otel.Handle(err)
	}
	return measured{next, duration, server(s.endpoint)}
}

// server is where the endpoint is, by its setting.
func server(endpoint *url.URL) []attribute.KeyValue {
	port, err := strconv.Atoi(endpoint.Port())
	switch {
	case err == nil:
	case endpoint.Scheme == "http":
		port = 80
	default:
		port = 443
	}
	return []attribute.KeyValue{attribute.String("server.address", endpoint.Hostname()), attribute.Int("server.port", port)}
}

// Do sends a request, and records what became of it if anybody wants to know.
func (m measured) Do(r *http.Request) (*http.Response, error) {
	if !m.duration.Enabled(r.Context()) {
		return m.next.Do(r)
	}
	began := time.Now()
	response, err := m.next.Do(r)
	m.record(r, time.Since(began), response, err)
	return response, err
}

func (m measured) record(r *http.Request, took time.Duration, response *http.Response, err error) {
	operation := unknownOperation
	if sent, known := requestOf(r); known {
		operation = sent.operation()
	}
	all := append(make([]attribute.KeyValue, 0, 6), m.server...)
	all = append(all, attribute.String("rpc.method", operation), attribute.String("http.request.method", r.Method))
	code := statusOf(response, err)
	if code != 0 {
		all = append(all, m.duration.AttrResponseStatusCode(code))
	}
	if kind := errorType(r.Context(), code, err); kind != "" {
		all = append(all, attribute.String("error.type", kind))
	}
	m.duration.RecordSet(r.Context(), took.Seconds(), attribute.NewSet(all...))
}

// statusOf is that of the answer, whoever gave it; 0: there was none.
func statusOf(response *http.Response, err error) int {
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		return foreign.httpStatus
	}
	if err != nil {
		return 0
	}
	return response.StatusCode
}

// errorType tells a failure as the conventions do: by the status if the store gave one, else by a word. A redirect is a failure,
// as it is not followed.
func errorType(ctx context.Context, code int, err error) string {
	switch {
	case err != nil && code != 0:
		return notTheStore
	case err != nil:
		return unanswered(ctx, err)
	case code >= http.StatusMultipleChoices:
		return strconv.Itoa(code)
	}
	return ""
}

// unanswered says why there is no answer, never in the words of the error.
func unanswered(ctx context.Context, err error) string {
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return tookTooLong
	}
	if ctx.Err() != nil {
		return wasCanceled
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return nameNotResolved
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificateInvalid
	}
	if _, ok := errors.AsType[*net.OpError](err); ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return connectionFailed
	}
	return otherFailure
}
