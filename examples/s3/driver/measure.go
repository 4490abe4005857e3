package driver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
)

// measure records each request to a service of the store, repeats too, in OpenTelemetry's metric for clients of HTTP. Every
// attribute has few values: URLs are none, as they hold names of buckets and, in Ceph's admin API, keys.
type measure struct {
	duration httpconv.ClientRequestDuration
	server   []attribute.KeyValue // what is the same in all requests
}

// scope names who measures.
const scope = "github.com/doomshrine/gocosi/examples/s3/driver"

// unknownOperation is that of a request which is not in the driver's tables, by the conventions.
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

// newMeasure measures the requests to an endpoint. Without a provider of its own, the metric goes where OpenTelemetry's global
// one sends it, once there is one: see gocosi.WithGlobalMeterProvider.
func newMeasure(settings Settings, endpoint string) *measure {
	provider := settings.meter
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	m := &measure{server: server(endpoint)}
	var err error
	// The package of the conventions would take no boundaries but its own, which end before the longest request does.
	m.duration.Float64Histogram, err = provider.Meter(scope).Float64Histogram(m.duration.Name(), metric.WithUnit(m.duration.Unit()),
		metric.WithDescription(m.duration.Description()), metric.WithExplicitBucketBoundaries(seconds()...))
	if err != nil {
		otel.Handle(err)
	}
	return m
}

// seconds are the boundaries of the conventions, and what lies around patienceAnswer.
func seconds() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20}
}

// server is where an endpoint is, by its setting: the host of a request may have a bucket in it.
func server(endpoint string) []attribute.KeyValue {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case err == nil:
	case u.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return []attribute.KeyValue{attribute.String("server.address", u.Hostname()), attribute.Int("server.port", port)}
}

// begin returns when a request begins; the zero time if nobody wants to know, and then nothing is to be recorded.
func (m *measure) begin(ctx context.Context) time.Time {
	if !m.duration.Enabled(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// sent is a request that got an answer or an error.
type sent struct {
	service    string
	operation  string // "": it is in no table
	method     string // of HTTP
	httpStatus int    // of an answer that is the store's
	err        error
}

// bySDK is a request of the SDK's.
func bySDK(ctx context.Context, in middleware.DeserializeInput, response *smithyhttp.Response, err error) sent {
	s := sent{service: awsmiddleware.GetServiceID(ctx), err: err}
	operation := awsmiddleware.GetOperationName(ctx)
	if _, known := proofs[operation]; known {
		s.operation = operation
	}
	if request, ok := in.Request.(*smithyhttp.Request); ok {
		s.method = request.Method
	}
	if response != nil && err == nil {
		s.httpStatus = response.StatusCode
	}
	return s
}

// adminOperations names the requests of Ceph's admin API, by their methods.
//
//nolint:gochecknoglobals // a table that nothing changes
var adminOperations = map[string]string{http.MethodPut: "CreateUser", http.MethodGet: "GetUser", http.MethodDelete: "RemoveUser"}

// byAdmin is a request of Ceph's admin API.
func byAdmin(request *http.Request, response *http.Response, err error) sent {
	s := sent{service: "Ceph", method: request.Method, err: err}
	if strings.HasSuffix(request.URL.Path, "/admin/user") {
		s.operation = adminOperations[request.Method]
	}
	if err == nil {
		s.httpStatus = response.StatusCode
	}
	return s
}

// end records a request that began then.
func (m *measure) end(ctx context.Context, began time.Time, s sent) {
	took := time.Since(began).Seconds()
	name := unknownOperation
	if s.operation != "" {
		name = s.service + "/" + s.operation
	}
	all := append(make([]attribute.KeyValue, 0, 6), m.server...)
	all = append(all, attribute.String("rpc.method", name), attribute.String("http.request.method", s.method))
	if code := s.status(); code != 0 {
		all = append(all, m.duration.AttrResponseStatusCode(code))
	}
	if kind := s.errorType(ctx); kind != "" {
		all = append(all, attribute.String("error.type", kind))
	}
	m.duration.RecordSet(ctx, took, attribute.NewSet(all...))
}

// status is that of the answer, whoever gave it; 0: there was none.
func (s sent) status() int {
	type answer interface {
		error
		HTTPStatusCode() int
	}
	if a, ok := errors.AsType[answer](s.err); ok {
		return a.HTTPStatusCode()
	}
	return s.httpStatus
}

// errorType tells a failure as the conventions do: by the status if the store gave one, else by a word. A redirect is a failure,
// as it is not followed.
func (s sent) errorType(ctx context.Context) string {
	code := s.status()
	_, foreign := errors.AsType[*strange](s.err)
	switch {
	case foreign && code != 0:
		return notTheStore
	case foreign:
		return tookTooLong
	case code >= 300:
		return strconv.Itoa(code)
	case s.err == nil:
		return ""
	}
	return unanswered(ctx, s.err)
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
