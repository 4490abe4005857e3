package main

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// patience is less than a probe's: a store that is slow shows as that, not as a probe that hangs.
const patience = 3 * time.Second

// ready says whether the store answers, and takes the key. It tries once: there will be another probe.
func (p *provisioner) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := p.store.GetProperties(policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1}), nil)
	return answer(ctx, "ask for the store's properties", err)
}
