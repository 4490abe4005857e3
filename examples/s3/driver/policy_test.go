package driver_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Each access allows what its name says in its bucket, and nothing elsewhere.
func TestAccess(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), connect(t, settings(t, embedded))
	admin := administer(embedded)
	c.create(t, "access-here", nil)
	c.create(t, "access-there", nil)
	for _, bucket := range []string{"access-here", "access-there"} {
		if err := put(ctx, admin.s3, bucket, "old", "content"); err != nil {
			t.Fatal(err)
		}
	}
	operations := map[string]func(context.Context, *s3.Client, string) error{
		"put": func(ctx context.Context, c *s3.Client, bucket string) error { return put(ctx, c, bucket, "new", "x") },
		"get": func(ctx context.Context, c *s3.Client, bucket string) error {
			_, err := get(ctx, c, bucket, "old")
			return err
		},
		"list":   list,
		"delete": func(ctx context.Context, c *s3.Client, bucket string) error { return remove(ctx, c, bucket, "new") },
		"delete bucket": func(ctx context.Context, c *s3.Client, bucket string) error {
			_, err := c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
			return err
		},
		"tags": func(ctx context.Context, c *s3.Client, bucket string) error {
			_, err := c.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
			return err
		},
	}
	for access, allowed := range map[string]map[string]bool{
		"readwrite": {"put": true, "get": true, "list": true, "delete": true},
		"readonly":  {"get": true, "list": true},
		"writeonly": {"put": true},
		"":          {"put": true, "get": true, "list": true, "delete": true},
	} {
		client := plainClient(secretsOf(c.grant(t, "access-here", "ba-access-"+access, parameter("access", access)).GetCredentials()))
		for name, operation := range operations {
			if err := operation(ctx, client, "access-here"); (err == nil) != allowed[name] {
				t.Errorf("%q: %s: %v", access, name, err)
			}
			if err := operation(ctx, client, "access-there"); !denied(err) {
				t.Errorf("%q: %s in another bucket: %v", access, name, err)
			}
		}
		if _, err := client.ListBuckets(ctx, nil); err == nil && access != "" {
			out, _ := client.ListBuckets(ctx, nil)
			if len(out.Buckets) > 0 {
				t.Errorf("%q: sees %d buckets", access, len(out.Buckets))
			}
		}
	}
}
