package driver

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// empty deletes every object of a bucket, with its versions, and ends uploads under way. What a deadline leaves over is
// for the next call.
func (p *provisioner) empty(ctx context.Context, bucket string) error {
	for batch, err := range p.versions(ctx, bucket) {
		if err != nil {
			return ignoreGone("list the bucket's objects", err)
		}
		if len(batch) == 0 {
			continue
		}
		out, err := p.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &bucket, Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return ignoreGone("delete objects", err)
		}
		if len(out.Errors) > 0 {
			return status.Errorf(codes.FailedPrecondition, "%d objects of bucket %q cannot be deleted: the store answers %s to the first",
				len(out.Errors), bucket, aws.ToString(out.Errors[0].Code))
		}
	}
	return p.abortUploads(ctx, bucket)
}

// versions yields all versions and delete markers, in batches that fit into one request.
func (p *provisioner) versions(ctx context.Context, bucket string) iter.Seq2[[]types.ObjectIdentifier, error] {
	return func(yield func([]types.ObjectIdentifier, error) bool) {
		pages := s3.NewListObjectVersionsPaginator(p.s3, &s3.ListObjectVersionsInput{Bucket: &bucket})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			var batch []types.ObjectIdentifier
			for _, v := range page.Versions {
				batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
			}
			for _, m := range page.DeleteMarkers {
				batch = append(batch, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
			}
			if !yield(batch, nil) {
				return
			}
		}
	}
}

func (p *provisioner) abortUploads(ctx context.Context, bucket string) error {
	pages := s3.NewListMultipartUploadsPaginator(p.s3, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return ignoreGone("list uploads", err)
		}
		for _, u := range page.Uploads {
			_, err := p.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil && !answered(err, "NoSuchUpload") {
				return ignoreGone("abort upload", err)
			}
		}
	}
	return nil
}

// ignoreGone takes a bucket that is gone for an empty one.
func ignoreGone(trying string, err error) error {
	if answered(err, "NoSuchBucket") {
		return nil
	}
	return failed(trying, err)
}
