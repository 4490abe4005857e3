package driver

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// empty deletes every object of a bucket, with its versions, and ends uploads under way. It looks at the first page again
// and again until that is empty: not every store finds its way from a marker whose object is gone. What a deadline leaves
// over is for the next call.
func (p *provisioner) empty(ctx context.Context, bucket string) error {
	for _, step := range []func(context.Context, string) (more bool, err error){p.deleteSome, p.abortSome} {
		more, err := step(ctx, bucket)
		for more && err == nil {
			more, err = step(ctx, bucket)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteSome deletes the first versions and delete markers, as many as one request lists.
func (p *provisioner) deleteSome(ctx context.Context, bucket string) (more bool, err error) {
	page, err := p.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		return false, failed("list the bucket's objects", err)
	}
	batch := make([]types.ObjectIdentifier, 0, len(page.Versions)+len(page.DeleteMarkers))
	for _, v := range page.Versions {
		batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range page.DeleteMarkers {
		batch = append(batch, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	if len(batch) == 0 {
		return false, nil
	}
	return true, p.deleteObjects(ctx, bucket, batch)
}

func (p *provisioner) deleteObjects(ctx context.Context, bucket string, batch []types.ObjectIdentifier) error {
	out, err := p.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &bucket, Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return failed("delete objects", err)
	}
	if len(out.Errors) > 0 { // such as one that is locked
		first := out.Errors[0]
		return itemFailed(fmt.Sprintf("delete object %.80q, one of %d that stay", aws.ToString(first.Key), len(out.Errors)), first)
	}
	return nil
}

func (p *provisioner) abortSome(ctx context.Context, bucket string) (more bool, err error) {
	page, err := p.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		return false, failed("list uploads", err)
	}
	for _, u := range page.Uploads {
		if err := p.abort(ctx, bucket, u); err != nil {
			return false, err
		}
	}
	return len(page.Uploads) > 0, nil
}

func (p *provisioner) abort(ctx context.Context, bucket string, u types.MultipartUpload) error {
	_, err := p.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
	if answered(err, noUpload) {
		return nil
	}
	return failed("abort upload", err)
}
