package driver

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// On a store that takes no tags with the creation of a bucket, a crash can leave one that has none. There, what belongs to the
// driver's own account of the store and has no tags at all is the driver's, half made; nobody else may make buckets by that
// account.

// createThenTag is createBucket for such a store.
func (p *provisioner) createThenTag(ctx context.Context, name string, parameters bucketParameters) error {
	input := &s3.CreateBucketInput{Bucket: &name}
	if configuration := p.configuration(parameters); configuration.LocationConstraint != "" {
		input.CreateBucketConfiguration = configuration
	}
	_, err := p.s3.CreateBucket(ctx, input)
	exists := answered(err, "BucketAlreadyExists") // another account's or, on some stores, anybody's
	if err != nil && !exists && !answered(err, "BucketAlreadyOwnedByYou") {
		return failed("create bucket", err)
	}
	tags, err := p.bucketTags(ctx, name)
	switch {
	case exists && answered(err, "AccessDenied"):
		return p.checkSame(name, parameters, nil)
	case answered(err, noBucket):
		return notShown("the bucket")
	case err != nil:
		return failed("read the bucket's tags", err)
	}
	if len(tags) == 0 && exists {
		if mine, err := p.lists(ctx, name); err != nil || !mine {
			return cmp.Or(err, p.checkSame(name, parameters, nil))
		}
	}
	if len(tags) == 0 {
		tags, err = p.tagBucket(ctx, name, p.bucketMark(parameters))
	}
	if answered(err, noBucket) {
		err = notShown("the bucket")
	}
	return cmp.Or(err, p.checkSame(name, parameters, tags))
}

// tagBucket tags a bucket, and makes sure that it did: success is an empty answer.
func (p *provisioner) tagBucket(ctx context.Context, name string, mark []types.Tag) (map[string]string, error) {
	out, err := p.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name, Tagging: &types.Tagging{TagSet: mark}})
	if err != nil {
		return nil, failed("tag the bucket", err)
	}
	known := p.keepsTags.Load() || p.settings.Store == Ceph
	if known && p.ids.prove(out.ResultMetadata) {
		return tagMap(mark), nil
	}
	tags, err := p.tagsOfNew(ctx, name)
	switch {
	case err != nil:
		return nil, failed("read the bucket's tags", err)
	case len(tags) == 0:
		return nil, tagsNotShown()
	}
	p.keepsTags.Store(true)
	return tags, nil
}

// tagsNotShown is the answer for a store that took tags, and shows none.
func tagsNotShown() error {
	return status.Error(codes.Aborted, "the store does not show the bucket's tags yet; one that keeps none cannot be served")
}

// checkHalfMade refuses a bucket that is not the driver's own, half made.
func (p *provisioner) checkHalfMade(ctx context.Context, name string, tags map[string]string) error {
	if !p.settings.NoCreationTags || len(tags) > 0 {
		return p.notOurs(name)
	}
	if p.settings.Store == Ceph { // which answers so for one's own only
		_, err := p.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
		if answered(err, "BucketAlreadyExists") {
			return p.notOurs(name)
		}
		return failed("look whose the bucket is", err)
	}
	mine, err := p.lists(ctx, name)
	if err == nil && !mine {
		err = notShown("whose the bucket is")
	}
	return err
}
