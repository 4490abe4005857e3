package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// provisioner serves the sidecar's calls. It keeps nothing: everything that it knows is in the store.
type provisioner struct {
	settings

	store *service.Client
	waits waits
}

// waits are how long the driver waits between requests. Tests wait for less.
type waits struct {
	first, most time.Duration // before a request is tried again
	pause       time.Duration // before the policies are read again
	call        time.Duration // for a call and everything in it
}

func usualWaits() waits {
	return waits{first: 200 * time.Millisecond, most: 2 * time.Second, pause: 250 * time.Millisecond, call: 6500 * time.Millisecond}
}

// The sidecar repeats calls indefinitely, so the driver gives up soon. A store that asks for a longer wait than waits.most
// (Retry-After) is not tried again within the call.
const (
	retries    = 2
	tryTimeout = 3 * time.Second
)

var errTooSlow = errors.New("the store is too slow: the call may be repeated")

// limited ends what a call does for the store after waits.call. The caller's own deadline may be earlier.
func (p *provisioner) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, p.waits.call, errTooSlow)
}

// newProvisioner makes a client of the store that the environment names. Nothing is sent yet.
func newProvisioner(getenv func(string) string) (*provisioner, error) {
	s, err := readSettings(getenv)
	if err != nil {
		return nil, err
	}
	return newProvisionerOver(s, usualWaits(), newTransport())
}

func newProvisionerOver(s settings, w waits, transport http.RoundTripper) (*provisioner, error) {
	client, err := service.NewClientWithSharedKeyCredential(s.endpoint.String(), s.key, &service.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: retries, TryTimeout: tryTimeout, RetryDelay: w.first, MaxRetryDelay: w.most},
		Transport: newMeasured(s, recogniser{&http.Client{Transport: transport, CheckRedirect: stay}}),
	}})
	if err != nil {
		return nil, err
	}
	return &provisioner{settings: s, store: client, waits: w}, nil
}

// stay follows no redirect: a request carries a signature, and is for the account's own endpoint.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// How much the driver takes of a store, and of what stands in its place.
const (
	mostConnections = 32
	mostHeader      = 64 << 10 // bytes
	dialTimeout     = 2 * time.Second
)

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout:  tryTimeout,
		MaxResponseHeaderBytes: mostHeader,
		MaxConnsPerHost:        mostConnections,
		MaxIdleConnsPerHost:    mostConnections / 4,
		IdleConnTimeout:        time.Minute,
		DisableCompression:     true, // a few bytes would become many
	}
}

func (p *provisioner) container(id string) *container.Client { return p.store.NewContainerClient(id) }
