//go:build unix

package driver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/ceph/go-ceph/rgw/admin"
	"google.golang.org/grpc/codes"
)

// emptyOnCeph deletes buckets whose keys and uploads RGW lists in forms of its own.
func emptyOnCeph(t *testing.T, store site) {
	c, client := connect(t, store.settings(t)), store.administrator.s3
	odd := []string{"a b", "a+b", "a%2Fb", "a%41", "\x01", "line\nbreak", "ü/é", strings.Repeat("é", 500), "&#x01;", "trailing/"}
	for _, class := range []string{"emptyOnDelete=true", "emptyOnDelete=true versioning=true"} {
		bucket, parameters := "odd-"+unique(), map[string]string{}
		for each := range strings.FieldsSeq(class) {
			name, value, _ := strings.Cut(each, "=")
			parameters[name] = value
		}
		c.create(t, bucket, parameters)
		for i := range 60 {
			odd = append(odd, fmt.Sprintf("dir/file %d+%%2F.bin", i))
		}
		for _, key := range odd {
			for range 2 {
				if err := put(t.Context(), client, bucket, key, "x"); err != nil {
					t.Fatalf("%q: %v", key, err)
				}
			}
			_, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
			if err != nil && !strings.Contains(err.Error(), "illegal character") { // in the answer, which repeats the key
				t.Fatalf("%q: %v", key, err)
			}
		}
		c.delete(t, bucket, parameters)
		if there, err := store.administrator.exists(t.Context(), bucket); there || err != nil {
			t.Errorf("%s: the bucket is there: %t (%v)", class, there, err)
		}
	}
}

// manyControlsOnCeph empties a bucket whose list goes on at keys that XML does not have.
func manyControlsOnCeph(t *testing.T, store site) {
	c, bucket := connect(t, store.settings(t)), "controls-"+unique()
	c.create(t, bucket, pair("emptyOnDelete=true"))
	for i := range 1100 {
		if err := put(t.Context(), store.administrator.s3, bucket, fmt.Sprintf("\x01%04d", i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	c.delete(t, bucket, pair("emptyOnDelete=true"))
}

// othersOnCeph leaves a bucket of another account alone that shares it with the driver.
func othersOnCeph(t *testing.T, store site) {
	ctx, c, bucket := t.Context(), connect(t, store.settings(t)), "other-"+unique()
	other, err := store.administrator.ceph.CreateUser(ctx, admin.User{ID: "other", DisplayName: "other", GenerateKey: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	theirs := plainClient(map[string]string{
		"endpoint": store.Endpoint, "region": store.Region, "accessKeyID": other.Keys[0].AccessKey, "accessSecretKey": other.Keys[0].SecretKey,
	})
	if _, err := theirs.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/cosi"]},"Action":"s3:*",` +
		`"Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]}]}`
	if _, err := theirs.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	expect(t, c.tryDelete(ctx, bucket, nil), codes.FailedPrecondition, "was not made by this driver")
	expect(t, c.tryCreate(ctx, bucket, nil), codes.AlreadyExists, "")
	if _, err := theirs.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		t.Errorf("the other account's bucket: %v", err)
	}
	if err := store.administrator.ceph.RemoveUser(ctx, admin.User{ID: "other"}); err != nil {
		t.Error(err)
	}
}
