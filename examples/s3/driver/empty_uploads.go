package driver

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// uploads is what a bucket has of multipart uploads under way.
type uploads struct {
	s3     *s3.Client
	bucket string
	plain  bool // the store refuses to list encoded keys
}

func (u *uploads) noun() string { return "upload" }
func (u *uploads) verb() string { return "abort upload of" }

func (u *uploads) list(ctx context.Context, from place) (page, error) {
	out, err := u.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{
		Bucket: &u.bucket, KeyMarker: optional(from.key), UploadIdMarker: optional(from.id), EncodingType: encoding(u.plain),
	})
	if !u.plain && answered(err, refusesEncoding...) {
		u.plain = true
		return u.list(ctx, from)
	}
	if err != nil {
		return page{}, failed("list uploads", err)
	}
	p := page{more: aws.ToBool(out.IsTruncated), next: nextPlace(out.NextKeyMarker, out.NextUploadIdMarker, out.EncodingType)}
	for _, upload := range out.Uploads {
		p.items = append(p.items, readItem(upload.Key, upload.UploadId, out.EncodingType))
	}
	return p, p.check("list uploads")
}

// batch returns none: each upload needs a request.
func (u *uploads) batch([]item) func(context.Context) (map[item]refusal, error) { return nil }

func (u *uploads) deleteOne(ctx context.Context, i item) error {
	_, err := u.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &u.bucket, Key: &i.key, UploadId: &i.id})
	if answered(err, "NoSuchUpload") {
		return nil
	}
	return err
}
