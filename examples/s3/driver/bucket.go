package driver

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"

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
	create := p.createBucket
	if p.settings.NoCreationTags {
		create = p.createThenTag
	}
	if err := create(ctx, name, parameters); err != nil || !parameters.versioning {
		return err
	}
	return p.keepVersions(ctx, name)
}

// createBucket makes the bucket with its tags, unless the account has it already, and looks at it. It looks at a new one
// too: in us-east-1, AWS answers the creation of a bucket that the account already has with success, an empty answer 200
// may be anybody's, and there are stores that drop the tags.
func (p *provisioner) createBucket(ctx context.Context, name string, parameters bucketParameters) error {
	input := &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: p.configuration(parameters)}
	made, err := p.s3.CreateBucket(ctx, input)
	owned := answered(err, "BucketAlreadyOwnedByYou")
	switch {
	case answered(err, "InvalidArgument", "MalformedXML", "NotImplemented"):
		return fmt.Errorf("%w: %w", status.Errorf(codes.FailedPrecondition, "the store refuses the creation of a bucket with tags; if it takes them "+
			"in a request of their own, set %s=true, and if it is Ceph, %s=%s", EnvNoCreationTags, EnvStore, Ceph), err)
	case err != nil && !owned:
		return failed("create bucket", err)
	}
	tags, err := p.tagsOfNew(ctx, name)
	if answered(err, noBucket) {
		return notShown("the bucket")
	}
	if err != nil {
		return failed("read the bucket's tags", err)
	}
	if len(tags) == 0 && !owned {
		if err := p.explainUntagged(ctx, input, made); err != nil {
			return err
		}
	}
	if err := p.checkSame(name, parameters, tags); err != nil {
		return err
	}
	p.keepsTags.Store(true)
	return nil
}

// explainUntagged finds out why a bucket shows no tags whose creation was a success. It asks for the creation once more: if
// that is refused, and the success was the store's own, the first one made the bucket, which is ours. It returns nil for one
// that may be anybody's.
func (p *provisioner) explainUntagged(ctx context.Context, input *s3.CreateBucketInput, made *s3.CreateBucketOutput) error {
	_, err := p.s3.CreateBucket(ctx, input)
	proven := p.ids.prove(made.ResultMetadata) || path.Base(aws.ToString(made.Location)) == *input.Bucket
	switch {
	case err == nil:
		return nil
	case !answered(err, "BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
		return failed("create bucket", err)
	case p.ids.sent.Load() && !proven:
		return status.Error(codes.Unavailable, "create bucket: not the store's answer: a success without the header "+idHeader)
	case !proven:
		return nil
	case p.keepsTags.Load():
		return notShown("the bucket's tags")
	}
	return p.refuseStore(ctx, *input.Bucket, input.CreateBucketConfiguration.Tags)
}

func (p *provisioner) configuration(parameters bucketParameters) *types.CreateBucketConfiguration {
	configuration := &types.CreateBucketConfiguration{}
	if !p.settings.NoCreationTags {
		configuration.Tags = p.bucketMark(parameters)
	}
	if p.settings.Region != "us-east-1" && !p.settings.NoLocation { // the region that must not be named
		configuration.LocationConstraint = types.BucketLocationConstraint(p.settings.Region)
	}
	return configuration
}

// bucketMark is what a bucket of ours is tagged with.
func (p *provisioner) bucketMark(parameters bucketParameters) []types.Tag {
	return []types.Tag{
		{Key: aws.String(tagOwner), Value: aws.String(p.settings.Owner)},
		{Key: aws.String(tagParameters), Value: aws.String(parameters.String())},
	}
}

// refuseStore says what is wrong with a store that made a bucket by this call and shows no tags of it. The bucket goes again, as
// nobody would know it for ours after a crash; but not if the store may only be late, as the next call finds it then.
func (p *provisioner) refuseStore(ctx context.Context, name string, mark []types.Tag) error {
	reason := "the store answers the creation of a bucket with success and drops its tags, or shows them very late. " +
		"By them this driver knows its own: set " + EnvNoCreationTags + "=true"
	again := append(slices.Clone(mark), types.Tag{Key: aws.String(tagAgain), Value: aws.String("true")})
	_, err := p.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name, Tagging: &types.Tagging{TagSet: again}})
	var tags map[string]string
	if err == nil {
		tags, err = p.tagsOfNew(ctx, name)
	}
	switch {
	case err != nil && !answered(err, "NotImplemented", "MethodNotAllowed"):
		return failed("tag the bucket", err)
	case err != nil:
		reason = "the store keeps no tags of buckets, by which this driver knows its own: it cannot be served"
	case len(tags) == 0, tags[tagAgain] == "": // the first ones were kept, and only late
		return tagsNotShown()
	}
	if err := p.deleteUntilGone(ctx, name); err != nil {
		return failed("delete a bucket that the store made without its tags", err)
	}
	return status.Error(codes.FailedPrecondition, reason)
}

// checkSame refuses a bucket that is not ours, or has other parameters.
func (p *provisioner) checkSame(name string, parameters bucketParameters, tags map[string]string) error {
	switch {
	case len(tags) == 0 && !p.settings.NoCreationTags && !p.keepsTags.Load():
		return status.Errorf(codes.AlreadyExists, "bucket %q exists, without the tag %s=%s by which this driver knows its own; if nobody else made it, "+
			"the store drops the tags of a creation: delete the bucket, and set %s=true", name, tagOwner, p.settings.Owner, EnvNoCreationTags)
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
func (p *provisioner) tagsOfNew(ctx context.Context, name string) (tags map[string]string, err error) {
	var hidden error
	_, err = p.pace.await(ctx, func() (bool, error) {
		tags, err = p.bucketTags(ctx, name)
		if hidden = nil; answered(err, noBucket) {
			hidden, err = err, nil
		}
		return len(tags) > 0, err
	})
	return tags, cmp.Or(err, hidden)
}

// tagsOfOurs gives the tags a moment to show, unless nothing depends on them.
func (p *provisioner) tagsOfOurs(ctx context.Context, name string, parameters bucketParameters) (map[string]string, error) {
	if parameters.deleteUnowned || p.settings.Store == Ceph { // whose reads are never late
		return p.bucketTags(ctx, name)
	}
	var tags map[string]string
	_, err := p.pace.await(ctx, func() (shown bool, err error) {
		tags, err = p.bucketTags(ctx, name)
		return len(tags) > 0, err
	})
	return tags, err
}

func (p *provisioner) bucketTags(ctx context.Context, name string) (map[string]string, error) {
	out, err := p.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	if answered(err, noTags) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	return tagMap(out.TagSet), nil
}

func tagMap(set []types.Tag) map[string]string {
	tags := make(map[string]string, len(set))
	for _, tag := range set {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// lists says whether the store lists the bucket among those of the driver's own account, which is another kind of read than
// that of its tags. A Ceph Object Gateway would list them all, and its reads are never late.
func (p *provisioner) lists(ctx context.Context, name string) (bool, error) {
	if p.settings.Store == Ceph {
		return false, nil
	}
	out, err := p.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: &name, MaxBuckets: aws.Int32(1)})
	if err != nil {
		return false, failed("list buckets", err)
	}
	return slices.ContainsFunc(out.Buckets, func(b types.Bucket) bool { return aws.ToString(b.Name) == name }), nil
}

// keepVersions enables versioning and looks whether it is: success is an empty answer, which may be anybody's.
func (p *provisioner) keepVersions(ctx context.Context, name string) error {
	_, err := p.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if answered(err, noBucket) {
		return notShown("the bucket")
	}
	if err != nil {
		return failed("enable versioning", err)
	}
	shown, err := p.pace.await(ctx, func() (bool, error) {
		out, err := p.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &name})
		if answered(err, noBucket) {
			return false, nil
		}
		return err == nil && out.Status == types.BucketVersioningStatusEnabled, err
	})
	if err == nil && !shown {
		err = notShown("that the bucket keeps versions")
	}
	return failed("look whether versioning is enabled", err)
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
	if err != nil && !answered(err, noBucket) {
		return nil, err
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

func (p *provisioner) deleteBucket(ctx context.Context, name string, parameters bucketParameters) error {
	tags, err := p.tagsOfOurs(ctx, name, parameters)
	seen, ours := !answered(err, noBucket), tags[tagOwner] == p.settings.Owner || parameters.deleteUnowned
	if seen && err != nil {
		return failed("read the bucket's tags", err)
	}
	if !seen && p.settings.Store == Ceph { // whose reads are never late
		return nil
	}
	if seen && !ours {
		if err := p.checkHalfMade(ctx, name, tags); err != nil {
			return err
		}
	}
	if seen && ours && parameters.emptyOnDelete {
		if err := p.empty(ctx, name); err != nil {
			return err
		}
	}
	err = p.deleteUntilGone(ctx, name) // one that was not seen, too: this cannot be late
	switch {
	case !answered(err, "BucketNotEmpty"):
		return failed("delete bucket", err)
	case !seen:
		return notShown("the bucket's tags")
	case !ours && p.settings.Store != Ceph: // half made buckets are empty; this one was tagged, or is not ours
		return status.Errorf(codes.Aborted, "bucket %q is not empty, and the store does not show the tag %s=%s yet; "+
			"if this driver did not make it, parameter %s=true deletes it", name, tagOwner, p.settings.Owner, paramDeleteUnowned)
	case !ours:
		return p.notOurs(name)
	case parameters.emptyOnDelete:
		return status.Errorf(codes.FailedPrecondition, "bucket %q was emptied, and is not empty: "+
			"somebody still writes into it, which must end first, or its list is late", name)
	}
	return status.Errorf(codes.FailedPrecondition, "bucket %q is not empty; parameter %s=true deletes what is in it", name, paramEmptyOnDelete)
}

// notOurs refuses to delete a bucket that this driver did not make.
func (p *provisioner) notOurs(name string) error {
	return status.Errorf(codes.FailedPrecondition, "bucket %q was not made by this driver: it lacks the tag %s=%s; parameter %s=true deletes it",
		name, tagOwner, p.settings.Owner, paramDeleteUnowned)
}

// deleteUntilGone asks for the deletion until its answer is the store's. That is empty, and may be anybody's unless the store
// names it, so that only the absence of the bucket would prove it. A read may be late.
func (p *provisioner) deleteUntilGone(ctx context.Context, name string) error {
	gone, err := p.pace.await(ctx, func() (bool, error) {
		out, err := p.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
		switch {
		case answered(err, noBucket):
			return true, nil
		case answered(err, "NoSuchKey"): // Ceph says so while another deletion is under way
			return false, nil
		}
		return err == nil && p.ids.prove(out.ResultMetadata), err
	})
	if err == nil && !gone {
		err = status.Error(codes.Unavailable, "delete bucket: not the store's answer: the bucket was deleted again and again, and is never said to be gone")
	}
	return err
}
