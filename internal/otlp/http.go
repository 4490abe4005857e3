package otlp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/doomshrine/gocosi/internal/bound"
)

// httpClient makes the client that an exporter over HTTP would make for itself, but with connections of its own: the
// exporters share theirs with everybody, and leave them open when the driver has ended. It speaks HTTP/1 only: an HTTP/2
// connection may count as busy for a moment after its last answer, and is then not closed as idle.
func (g *guard) httpClient() (*http.Client, error) {
	config, err := tlsFromEnv(g.signal)
	if err != nil {
		return nil, err
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Protocols:           protocols,
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
	}
	g.closeIdle = transport.CloseIdleConnections
	milliseconds, err := strconv.Atoi(otlpEnv(g.signal, "TIMEOUT", "10000"))
	return &http.Client{
		Transport: roundTripper{transport, g},
		Timeout:   time.Duration(milliseconds) * time.Millisecond,
	}, err
}

// tlsFromEnv reads the variables about certificates, those of the signal last, as the exporters do.
func tlsFromEnv(signal Signal) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, prefix := range []string{otlpPrefix, otlpPrefix + string(signal) + "_"} {
		if path := getEnv(prefix + "CERTIFICATE"); path != "" {
			pool, err := readCertificates(path)
			if err != nil {
				return nil, fmt.Errorf("%sCERTIFICATE: %w", prefix, err)
			}
			config.RootCAs = pool
		}
		client, err := readClient(prefix)
		if err != nil {
			return nil, err
		}
		if client != nil {
			config.Certificates = client
		}
	}
	return config, nil
}

// roundTripper shows a guard the attempts that are made over HTTP.
type roundTripper struct {
	transport *http.Transport
	guard     *guard
}

// errAnswer stands for an answer that is a failure; the exporter words it.
var errAnswer = errors.New("not accepted")

// RoundTrip keeps the body of an answer that is a failure, so that it can be read when the export has been given up.
func (r roundTripper) RoundTrip(request *http.Request) (response *http.Response, err error) {
	_ = r.guard.attempt(func() error {
		response, err = r.transport.RoundTrip(request) //nolint:bodyclose // the client closes it
		if err != nil || response.StatusCode < http.StatusBadRequest {
			return err
		}
		body, _ := io.ReadAll(io.LimitReader(response.Body, bound.Text))
		_ = response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(body))
		return errAnswer
	})
	return response, err
}
