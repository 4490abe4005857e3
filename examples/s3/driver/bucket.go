package driver

import (
	"context"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// bucketName is what S3 takes; the store knows the finer rules.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// DriverCreateBucket makes the bucket of that very name, which is also its id, or finds the one that an earlier call with
// the same parameters made.
func (p *provisioner) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	if !bucketName.MatchString(r.GetName()) {
		return nil, status.Errorf(codes.InvalidArgument, "name %.80q is not a bucket's: 3 to 63 of a-z, 0-9, - and .", r.GetName())
	}
	parameters, err := createParameters(r.GetParameters())
	if err != nil {
		return nil, err
	}
	if err := p.findOrMakeBucket(ctx, r.GetName(), parameters); err != nil {
		return nil, err
	}
	protocol := &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{
		Region: p.settings.Region, SignatureVersion: cosi.S3SignatureVersion_S3V4,
	}}}
	return &cosi.DriverCreateBucketResponse{BucketId: r.GetName(), BucketInfo: protocol}, nil
}

func (p *provisioner) findOrMakeBucket(ctx context.Context, name string, parameters bucketParameters) error {
	if err := p.createBucket(ctx, name, parameters); err != nil {
		return err
	}
	if err := p.checkSame(ctx, name, parameters); err != nil || !parameters.versioning {
		return err
	}
	return p.keepVersions(ctx, name)
}

// createBucket makes the bucket with its tags, unless the account has it already.
func (p *provisioner) createBucket(ctx context.Context, name string, parameters bucketParameters) error {
	configuration := &types.CreateBucketConfiguration{Tags: []types.Tag{
		{Key: aws.String(tagOwner), Value: aws.String(p.settings.Owner)},
		{Key: aws.String(tagParameters), Value: aws.String(parameters.String())},
	}}
	if p.settings.Region != "us-east-1" { // the region that must not be named
		configuration.LocationConstraint = types.BucketLocationConstraint(p.settings.Region)
	}
	_, err := p.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: configuration})
	if answered(err, "BucketAlreadyOwnedByYou") {
		return nil
	}
	return failed("create bucket", err)
}

// checkSame refuses a bucket that is not ours, or has other parameters. It is asked about a new bucket too: in us-east-1,
// AWS answers the creation of one that the account already has with success.
func (p *provisioner) checkSame(ctx context.Context, name string, parameters bucketParameters) error {
	tags, err := p.tagsOfNew(ctx, name)
	if err != nil {
		return failed("read the bucket's tags", err)
	}
	switch {
	case tags[tagOwner] != p.settings.Owner:
		return status.Errorf(codes.AlreadyExists, "bucket %q exists, without the tag %s=%s by which this driver knows its own",
			name, tagOwner, p.settings.Owner)
	case tags[tagParameters] != parameters.String():
		return status.Errorf(codes.AlreadyExists, "bucket %q exists with other parameters", name)
	}
	return nil
}

// tagsOfNew gives the tags of a new bucket a moment to show: a store may answer from where they are not known yet, or make
// the bucket and its tags one after the other.
func (p *provisioner) tagsOfNew(ctx context.Context, name string) (map[string]string, error) {
	for wait := firstWait; ; wait *= 2 {
		tags, err := p.bucketTags(ctx, name)
		if len(tags) > 0 || err != nil || wait > lastWait {
			return tags, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// The pauses between two looks at the tags of a bucket that has none.
const (
	firstWait = 20 * time.Millisecond
	lastWait  = 320 * time.Millisecond
)

func (p *provisioner) bucketTags(ctx context.Context, name string) (map[string]string, error) {
	out, err := p.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	if answered(err, "NoSuchTagSet") {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	tags := make(map[string]string, len(out.TagSet))
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

func (p *provisioner) keepVersions(ctx context.Context, name string) error {
	_, err := p.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	return failed("enable versioning", err)
}

// DriverDeleteBucket deletes a bucket of ours; one that is gone is a success.
func (p *provisioner) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	if err := required("bucket_id", r.GetBucketId()); err != nil {
		return nil, err
	}
	parameters, err := readBucketParameters(r.GetDeleteContext())
	if err != nil {
		return nil, err
	}
	if bucketName.MatchString(r.GetBucketId()) { // any other id is none of this store's
		err = p.deleteBucket(ctx, r.GetBucketId(), parameters)
	}
	if err != nil && !answered(err, "NoSuchBucket") {
		return nil, err
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

func (p *provisioner) deleteBucket(ctx context.Context, name string, parameters bucketParameters) error {
	if err := p.checkOurs(ctx, name, parameters); err != nil {
		return err
	}
	if parameters.emptyOnDelete {
		if err := p.empty(ctx, name); err != nil {
			return err
		}
	}
	_, err := p.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	if answered(err, "BucketNotEmpty") {
		return status.Errorf(codes.FailedPrecondition, "bucket %q is not empty; parameter %s=true deletes what is in it", name, paramEmptyOnDelete)
	}
	return failed("delete bucket", err)
}

// checkOurs refuses a bucket that this driver did not make, unless a parameter allows deleting it.
func (p *provisioner) checkOurs(ctx context.Context, name string, parameters bucketParameters) error {
	tags, err := p.bucketTags(ctx, name)
	if err == nil && tags[tagOwner] != p.settings.Owner && !parameters.deleteUnowned {
		return status.Errorf(codes.FailedPrecondition, "bucket %q was not made by this driver: it lacks the tag %s=%s; parameter %s=true deletes it",
			name, tagOwner, p.settings.Owner, paramDeleteUnowned)
	}
	return failed("read the bucket's tags", err)
}
