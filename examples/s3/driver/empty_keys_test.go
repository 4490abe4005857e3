package driver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"google.golang.org/grpc/codes"
)

// The embedded store lists keys as they are, and shows another character for one that XML cannot carry: what else is in the
// bucket goes, and the error says which key is left.
func TestEmptyOddKeys(t *testing.T) {
	t.Parallel()
	ctx, admin := t.Context(), administer(embedded)
	c := connect(t, settings(t, embedded).Tuned(nil, 5*time.Millisecond))
	for _, versioning := range []string{"false", "true"} {
		bucket := "odd-keys-" + versioning
		class := map[string]string{"versioning": versioning, "emptyOnDelete": "true"}
		c.create(t, bucket, class)
		for _, key := range []string{"a+b", "a b", "a%20b", "%zz", "<&>\"'", "é/ü/…", "folder/", "?versions&x=1#y", "lines-\r\n\t", "\u0085\u2028", "hidden-\x01"} {
			for range 2 {
				if err := put(ctx, admin.s3, bucket, key, map[bool]string{false: "x"}[key == "folder/"]); err != nil {
					t.Fatalf("%q: %v", key, err)
				}
			}
		}
		expect(t, c.tryDelete(ctx, bucket, class), codes.FailedPrecondition, fmt.Sprintf("delete object %q", "hidden-�"))
		out, err := admin.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
		if err != nil || len(out.Versions) == 0 || *out.Versions[0].Key != "hidden-�" || *out.Versions[len(out.Versions)-1].Key != "hidden-�" {
			t.Errorf("left are %d versions (%v); want those that are hidden", len(out.Versions), err)
		}
		// An administrator can.
		for _, v := range out.Versions {
			_, err := admin.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("hidden-\x01"), VersionId: v.VersionId})
			if err != nil {
				t.Fatal(err)
			}
		}
		c.delete(t, bucket, class)
	}
}
