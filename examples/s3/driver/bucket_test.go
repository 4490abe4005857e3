package driver_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"google.golang.org/grpc/codes"
)

func TestBucketParameters(t *testing.T) {
	t.Parallel()
	c := connect(t, settings(t, embedded))
	for parameters, words := range map[string]string{
		"versioning=yes":      "parameter versioning is neither true nor false",
		"region=here":         "unknown parameters",
		"deleteUnowned=true":  "unknown parameters", // no class may say that
		"emptyOnDelete=maybe": "parameter emptyOnDelete",
	} {
		expect(t, c.tryCreate(t.Context(), "parameters-refused", pair(parameters)), codes.InvalidArgument, words)
	}
	expect(t, c.tryDelete(t.Context(), "parameters-refused", pair("emptyOnDelete=maybe")), codes.InvalidArgument, "parameter emptyOnDelete")
}

func TestForeignBucketStays(t *testing.T) {
	t.Parallel()
	c, admin := connect(t, settings(t, embedded)), administer(embedded)
	other := settings(t, embedded)
	other.Owner = "another installation"
	theirs := connect(t, other)
	admin.makeBucket(t, "foreign-untagged")
	theirs.create(t, "foreign-tagged", nil)
	for _, name := range []string{"foreign-untagged", "foreign-tagged"} {
		expect(t, c.tryCreate(t.Context(), name, nil), codes.AlreadyExists, "by which this driver knows its own")
		expect(t, c.tryDelete(t.Context(), name, pair("emptyOnDelete=true")), codes.FailedPrecondition, "deleteUnowned")
		if there, err := admin.exists(t.Context(), name); !there {
			t.Fatalf("%s is gone (%v)", name, err)
		}
		// An administrator may enter it as an existing bucket, and let the driver use it and delete it.
		granted := c.grant(t, name, "ba-"+name, nil)
		if err := works(t.Context(), plainClient(secretsOf(granted.GetCredentials())), name, "object"); err != nil {
			t.Error(err)
		}
		c.revoke(t, name, "ba-"+name)
		c.delete(t, name, map[string]string{"deleteUnowned": "true", "emptyOnDelete": "true"})
		if there, err := admin.exists(t.Context(), name); there || err != nil {
			t.Errorf("%s is still there (%v)", name, err)
		}
	}
}

// A full bucket is deleted only if its class says so; then all of its versions go, and uploads under way.
func TestEmptyOnDelete(t *testing.T) {
	t.Parallel()
	ctx, c, admin := t.Context(), connect(t, settings(t, embedded)), administer(embedded)
	const bucket = "full"
	class := map[string]string{"versioning": "true", "emptyOnDelete": "true"}
	c.create(t, bucket, class)
	for i := range 1100 { // more than a page
		if err := put(ctx, admin.s3, bucket, fmt.Sprintf("folder/object-%d", i%1050), "content"); err != nil {
			t.Fatal(err)
		}
	}
	if err := remove(ctx, admin.s3, bucket, "folder/object-7"); err != nil { // leaves a marker
		t.Fatal(err)
	}
	if _, err := admin.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("half")}); err != nil {
		t.Fatal(err)
	}
	expect(t, c.tryDelete(ctx, bucket, nil), codes.FailedPrecondition, "emptyOnDelete")
	versions, err := admin.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String(bucket), Prefix: aws.String("folder/object-1049")})
	if err != nil || len(versions.Versions) == 0 {
		t.Fatalf("a refused delete left %d versions (%v)", len(versions.Versions), err)
	}
	c.delete(t, bucket, class)
	if there, err := admin.exists(ctx, bucket); there || err != nil {
		t.Errorf("the bucket is still there (%v)", err)
	}
	c.create(t, bucket, class)
	c.delete(t, bucket, class)
}

func TestVersioning(t *testing.T) {
	t.Parallel()
	ctx, c, admin := t.Context(), connect(t, settings(t, embedded)), administer(embedded)
	for value, want := range map[string]string{"true": "Enabled", "false": "", "": ""} {
		bucket := "versioning-" + value + "x"
		c.create(t, bucket, parameter("versioning", value))
		got, err := admin.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
		if err != nil || string(got.Status) != want {
			t.Errorf("versioning=%s: the bucket's is %q, %v", value, got.Status, err)
		}
		// What says the same is the same.
		c.create(t, bucket, map[string]string{"emptyOnDelete": "false", "versioning": value})
		c.delete(t, bucket, nil)
	}
}
