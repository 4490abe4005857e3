package driver

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.opentelemetry.io/otel/metric"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// Tuned returns settings for a store that tests reach by a client of their own, if one is given, and wait for less long.
func (s Settings) Tuned(client aws.HTTPClient, longestWait time.Duration) Settings {
	s.client, s.pace.longest = client, longestWait
	return s
}

// Bounded returns settings that take less of each answer.
func (s Settings) Bounded(bytes int64, patience time.Duration) Settings {
	s.pace.answer, s.pace.patience = bytes, patience
	return s
}

// Measured returns settings whose requests are measured by a provider of the test's own.
func (s Settings) Measured(by metric.MeterProvider) Settings {
	s.meter = by
	return s
}

// NewProvisioner returns the driver's handlers without the runtime around them.
func NewProvisioner(s Settings) cosi.ProvisionerServer { return newProvisioner(s) }

// NewHTTPClient returns a client with the driver's connections, and nothing else of its own.
func NewHTTPClient() *http.Client { return newHTTPClient() }
