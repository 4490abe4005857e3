package main

import (
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
}

// The sidecar repeats calls for ever, so the client gives up soon.
const (
	retries    = 2
	tryTimeout = 10 * time.Second
	firstDelay = 200 * time.Millisecond
	mostDelay  = 2 * time.Second
)

// newProvisioner makes a client of the store that the environment names. Nothing is sent yet.
func newProvisioner(getenv func(string) string) (*provisioner, error) {
	s, err := readSettings(getenv)
	if err != nil {
		return nil, err
	}
	client, err := service.NewClientWithSharedKeyCredential(s.endpoint.String(), s.key, &service.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: retries, TryTimeout: tryTimeout, RetryDelay: firstDelay, MaxRetryDelay: mostDelay},
	}})
	return &provisioner{settings: s, store: client}, err
}

func (p *provisioner) container(id string) *container.Client { return p.store.NewContainerClient(id) }
