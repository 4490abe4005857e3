package driver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/ceph/go-ceph/rgw/admin"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// plainClient is what an application has: the values of its Secret.
func plainClient(secrets map[string]string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(secrets["endpoint"]), Region: secrets["region"], UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(secrets["accessKeyID"], secrets["accessSecretKey"], ""),
	})
}

func secretsOf(granted map[string]*cosi.CredentialDetails) map[string]string {
	return granted["s3"].GetSecrets()
}

// administrator does what the driver cannot be asked to. Its buckets are those of the driver's own account.
type administrator struct {
	s3   *s3.Client
	iam  *iam.Client
	ceph *admin.API // users are those of Ceph; nil: those of IAM
}

func administer(store gateway.Store) administrator {
	return administrator{
		s3: plainClient(map[string]string{
			"endpoint": store.Endpoint, "region": store.Region, "accessKeyID": store.AccessKey, "accessSecretKey": store.SecretKey,
		}),
		iam: iam.New(iam.Options{ // which tries again, as connections end under many callers
			BaseEndpoint: &store.IAMEndpoint, Region: store.Region,
			Credentials: credentials.NewStaticCredentialsProvider(store.AccessKey, store.SecretKey, ""),
		}),
	}
}

// users returns the names of the users that drivers of these tests made: those of the kept store do not count.
func (a administrator) users(ctx context.Context) ([]string, error) {
	names, err := a.allUsers(ctx)
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, keptPrefix) }), err
}

func (a administrator) allUsers(ctx context.Context) ([]string, error) {
	if a.ceph != nil {
		return a.cephUsers(ctx)
	}
	var names []string
	pages := iam.NewListUsersPaginator(a.iam, &iam.ListUsersInput{PathPrefix: aws.String("/cosi/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, user := range page.Users {
			names = append(names, *user.UserName)
		}
	}
	return names, nil
}

// everything returns the buckets of the store, and the users that the driver made, whose names begin so, in order.
func (a administrator) everything(ctx context.Context, prefix string) (buckets, users []string, err error) {
	out, err := a.s3.ListBuckets(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range out.Buckets {
		buckets = append(buckets, *b.Name)
	}
	users, err = a.allUsers(ctx)
	other := func(name string) bool { return !strings.HasPrefix(name, prefix) }
	buckets, users = slices.DeleteFunc(buckets, other), slices.DeleteFunc(users, other)
	slices.Sort(buckets)
	slices.Sort(users)
	return buckets, users, err
}

// keys returns the ids of a user's keys.
func (a administrator) keys(t *testing.T, user string) []string {
	t.Helper()
	ids, err := a.userKeys(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (a administrator) userKeys(ctx context.Context, user string) ([]string, error) {
	if a.ceph != nil {
		return a.cephKeys(ctx, user)
	}
	out, err := a.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &user})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, k := range out.AccessKeyMetadata {
		ids = append(ids, *k.AccessKeyId)
	}
	return ids, nil
}

func (a administrator) makeBucket(t *testing.T, name string) {
	t.Helper()
	if _, err := a.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

func (a administrator) removeBucket(ctx context.Context, name string) error {
	_, err := a.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	return err
}

func (a administrator) exists(ctx context.Context, bucket string) (bool, error) {
	_, err := a.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err != nil && strings.Contains(err.Error(), "404") {
		return false, nil
	}
	return err == nil, err
}

func put(ctx context.Context, c *s3.Client, bucket, key, content string) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)})
	return err
}

func get(ctx context.Context, c *s3.Client, bucket, key string) (string, error) {
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	return string(content), err
}

func list(ctx context.Context, c *s3.Client, bucket string) error {
	_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
	return err
}

func remove(ctx context.Context, c *s3.Client, bucket, key string) error {
	_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return err
}

// works puts an object, gets it back, and lists the bucket.
func works(ctx context.Context, c *s3.Client, bucket, key string) error {
	const content = "content"
	if err := put(ctx, c, bucket, key, content); err != nil {
		return err
	}
	got, err := get(ctx, c, bucket, key)
	if err != nil {
		return err
	}
	if !bytes.Equal([]byte(got), []byte(content)) {
		return fmt.Errorf("put %q, got %q", content, got)
	}
	return list(ctx, c, bucket)
}
