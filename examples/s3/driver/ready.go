package driver

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ready asks the store's services for something small, with the driver's own key. Ceph has one service for all, whose list of
// buckets is never small.
func (p *provisioner) ready(ctx context.Context) error {
	if p.settings.Store == Ceph {
		return p.accounts.ready(ctx)
	}
	if _, err := p.s3.ListBuckets(ctx, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1)}); err != nil {
		return failed("list buckets", err)
	}
	return p.accounts.ready(ctx)
}
