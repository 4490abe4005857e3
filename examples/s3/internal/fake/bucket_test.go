package fake_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// iamTags returns tags of these keys and values, in turn.
func iamTags(words ...string) (tags []iamtypes.Tag) {
	for i := 0; i < len(words); i += 2 {
		tags = append(tags, iamtypes.Tag{Key: &words[i], Value: &words[i+1]})
	}
	return tags
}

func ownerTag() []types.Tag { return []types.Tag{{Key: aws.String("owner"), Value: aws.String("me")}} }

func taggedBucket(name string) *s3.CreateBucketInput {
	return &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: ownerTag()}}
}

func bucketTagging(name string) *s3.PutBucketTaggingInput {
	return &s3.PutBucketTaggingInput{Bucket: &name, Tagging: &types.Tagging{TagSet: ownerTag()}}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	w, ctx, name := newWorld(), t.Context(), aws.String("b")
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, taggedBucket("b")))
	_, err := w.s3.CreateBucket(ctx, taggedBucket("b"))
	expect(t, err, "BucketAlreadyOwnedByYou")
	w.Again = true
	_, err = w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	expect(t, err, "")
	tagging := must[*s3.GetBucketTaggingOutput](t)(w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name}))
	if len(tagging.TagSet) != 1 || *tagging.TagSet[0].Value != "me" {
		t.Errorf("the tags are %+v", tagging.TagSet)
	}
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("plain")}))
	_, err = w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String("plain")})
	expect(t, err, "NoSuchTagSet")
	must[*s3.PutBucketTaggingOutput](t)(w.s3.PutBucketTagging(ctx, bucketTagging("plain")))
	_, err = w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String("plain")})
	expect(t, err, "")

	got := must[*s3.GetBucketVersioningOutput](t)(w.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name}))
	if got.Status != "" {
		t.Errorf("versioning is %q", got.Status)
	}
	must[*s3.PutBucketVersioningOutput](t)(w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}))
	got = must[*s3.GetBucketVersioningOutput](t)(w.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name}))
	if got.Status != types.BucketVersioningStatusEnabled {
		t.Errorf("versioning is %q", got.Status)
	}

	page := must[*s3.ListBucketsOutput](t)(w.s3.ListBuckets(ctx, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1)}))
	if len(page.Buckets) != 1 || page.ContinuationToken == nil || page.Buckets[0].CreationDate.IsZero() {
		t.Errorf("the first page is %+v", page)
	}
	page = must[*s3.ListBucketsOutput](t)(w.s3.ListBuckets(ctx, &s3.ListBucketsInput{ContinuationToken: page.ContinuationToken}))
	if len(page.Buckets) != 1 || *page.Buckets[0].Name != "plain" || page.ContinuationToken != nil {
		t.Errorf("the second page is %+v", page)
	}
	page = must[*s3.ListBucketsOutput](t)(w.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: aws.String("b")}))
	if len(page.Buckets) != 1 || *page.Buckets[0].Name != "b" {
		t.Errorf("with the prefix: %+v", page)
	}

	w.Put("b", "object")
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: name})
	expect(t, err, "BucketNotEmpty")
	w.DropBucket("b")
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("plain")})
	expect(t, err, "")
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("plain")})
	expect(t, err, "NoSuchBucket")
	_, err = w.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name})
	expect(t, err, "NotFound")
	_, err = w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: name})
	expect(t, err, "NoSuchBucket")
	_, err = w.s3.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: name})
	expect(t, err, "NotImplemented")
}

// versioned makes a bucket that keeps versions, with 5 versions of each of 3 keys.
func (w world) versioned(t *testing.T, name string) {
	t.Helper()
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(t.Context(), taggedBucket(name)))
	must[*s3.PutBucketVersioningOutput](t)(w.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}))
	for range 5 {
		for _, key := range []string{"b", "a", "c"} {
			w.Put(name, key)
		}
	}
}

func TestListObjectVersions(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(), t.Context()
	w.versioned(t, "b")
	_, err := w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("b"), Key: aws.String("a")})
	expect(t, err, "")
	for _, most := range []int32{1, 4, 16, 1000} {
		var got []string
		markers := 0
		pages := s3.NewListObjectVersionsPaginator(w.s3, &s3.ListObjectVersionsInput{Bucket: aws.String("b"), MaxKeys: &most})
		for pages.HasMorePages() {
			page := must[*s3.ListObjectVersionsOutput](t)(pages.NextPage(ctx))
			markers += len(page.DeleteMarkers)
			for _, v := range page.Versions {
				got = append(got, *v.Key+" "+*v.VersionId)
			}
		}
		if len(slices.Compact(slices.Clone(got))) != 15 || markers != 1 || got[0] >= "b" || got[14] < "c" {
			t.Errorf("pages of %d hold %d markers and %q", most, markers, got)
		}
	}
}

// A key that XML cannot carry is listed whole when it is asked for in the form of URLs.
func TestKeyThatXMLCannotCarry(t *testing.T) {
	t.Parallel()
	w, ctx, key := newWorld(), t.Context(), "a/b \x01+é"
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, taggedBucket("b")))
	w.Put("b", key)
	for encoding, want := range map[types.EncodingType]string{"": "a/b \uFFFD+é", types.EncodingTypeUrl: "a/b+%01%2B%C3%A9"} {
		out := must[*s3.ListObjectVersionsOutput](t)(w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("b"), EncodingType: encoding}))
		if len(out.Versions) != 1 || *out.Versions[0].Key != want {
			t.Errorf("%q: listed are %q", encoding, *out.Versions[0].Key)
		}
	}
	out := must[*s3.DeleteObjectsOutput](t)(w.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: aws.String("b"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: &key}}},
	}))
	if b, _ := w.Bucket("b"); len(out.Deleted) != 1 || b.Versions != 1 {
		t.Errorf("deleted are %+v, left are %d", out.Deleted, b.Versions)
	}
	_, err := w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("b"), Key: &key, VersionId: aws.String("null")})
	expect(t, err, "")
	if b, _ := w.Bucket("b"); b.Versions != 0 {
		t.Errorf("left are %d", b.Versions)
	}
}

func TestDeleteObjects(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(), t.Context()
	w.versioned(t, "b")
	w.Protect("b", "b", "AccessDenied")
	all := must[*s3.ListObjectVersionsOutput](t)(w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("b")}))
	var batch []types.ObjectIdentifier
	for _, v := range all.Versions {
		batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	del := func(quiet bool) *s3.DeleteObjectsOutput {
		return must[*s3.DeleteObjectsOutput](t)(w.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: aws.String("b"), Delete: &types.Delete{Objects: batch, Quiet: &quiet},
		}))
	}
	for quiet, deleted := range map[bool]int{true: 0, false: 10} {
		out := del(quiet)
		if len(out.Errors) != 5 || *out.Errors[0].Code != "AccessDenied" || len(out.Deleted) != deleted {
			t.Errorf("quiet %t: deleted are %d, errors %+v", quiet, len(out.Deleted), out.Errors)
		}
	}
	_, err := w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("b"), Key: aws.String("b")})
	expect(t, err, "AccessDenied")
	w.Protect("b", "b", "")
	del(true)
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("b")})
	expect(t, err, "")
}

func TestUploads(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(), t.Context()
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, taggedBucket("b")))
	for _, key := range []string{"b", "a", "a"} {
		w.Upload("b", key)
	}
	var got []string
	pages := s3.NewListMultipartUploadsPaginator(w.s3, &s3.ListMultipartUploadsInput{Bucket: aws.String("b"), MaxUploads: aws.Int32(1)})
	for pages.HasMorePages() {
		for _, u := range must[*s3.ListMultipartUploadsOutput](t)(pages.NextPage(ctx)).Uploads {
			got = append(got, *u.Key)
			abort := &s3.AbortMultipartUploadInput{Bucket: aws.String("b"), Key: u.Key, UploadId: u.UploadId}
			_, err := w.s3.AbortMultipartUpload(ctx, abort)
			expect(t, err, "")
			_, err = w.s3.AbortMultipartUpload(ctx, abort)
			expect(t, err, "NoSuchUpload")
		}
	}
	if b, _ := w.Bucket("b"); !slices.Equal(got, []string{"a", "a", "b"}) || b.Uploads != 0 {
		t.Errorf("uploads were %q, left are %d", got, b.Uploads)
	}
}

// Emptying from the front looks at each object a few times only.
func TestManyObjects(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(), t.Context()
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, taggedBucket("b")))
	for i := range 5000 {
		w.Put("b", fmt.Sprint(i))
	}
	rounds := 0
	for ; ; rounds++ {
		page := must[*s3.ListObjectVersionsOutput](t)(w.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("b")}))
		if len(page.Versions) == 0 {
			break
		}
		var batch []types.ObjectIdentifier
		for _, v := range page.Versions {
			batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		must[*s3.DeleteObjectsOutput](t)(w.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("b"), Delete: &types.Delete{Objects: batch}}))
	}
	if rounds != 5 {
		t.Errorf("5000 objects took %d rounds", rounds)
	}
}

// The store is a server too.
func TestServeHTTP(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(), t.Context()
	server := httptest.NewServer(w.Store)
	t.Cleanup(server.Close)
	overHTTP := func(o *s3.Options) { o.BaseEndpoint, o.HTTPClient = &server.URL, http.DefaultClient }
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, taggedBucket("b"), overHTTP))
	_, err := w.s3.CreateBucket(ctx, taggedBucket("b"), overHTTP)
	expect(t, err, "BucketAlreadyOwnedByYou")
	must[*iam.CreateUserOutput](t)(w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("ann")}, func(o *iam.Options) {
		o.BaseEndpoint, o.HTTPClient = &server.URL, http.DefaultClient
	}))
	if !slices.Equal(append(w.BucketNames(), w.UserNames()...), []string{"b", "ann"}) {
		t.Error("what was asked for over HTTP is not there")
	}
}
