package driver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"google.golang.org/grpc/codes"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// readKept says what the kept store has in it, of which the tests' store began as a copy.
func readKept(t *testing.T) kept {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(packageDir, "testdata", keptOwner, keptFile))
	if err != nil {
		t.Fatal(err)
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestExisting lives on with what the first version of this driver made, whole and half-done: buckets and accounts are
// found again, secrets are the same and work, what was cut short is healed, and all of it can be revoked and deleted.
func TestExisting(t *testing.T) {
	t.Parallel()
	k := readKept(t)
	s := settings(t, embedded)
	s.Owner = keptOwner
	s.Sealer = sealer(t, k.TestSealKey, k.OldTestSealKey)
	count, err := driver.Reseal(t.Context(), s)
	if err != nil || count != 2 {
		t.Errorf("resealed %d, %v; want 2", count, err)
	}
	s.Sealer = sealer(t, k.TestSealKey)
	c := connect(t, s)
	for name, bucket := range k.Buckets {
		createAgain(t, c, name, bucket)
	}
	for name, account := range k.Accounts {
		t.Run(name, func(t *testing.T) { k.findAgain(t, c, name, account) }) //nolint:paralleltest // buckets go after them
	}
	for name, bucket := range k.Buckets {
		t.Run(name, func(t *testing.T) { deleteAgain(t, c, name, bucket) }) //nolint:paralleltest // the store is empty after them
	}
	buckets, users, err := administer(embedded).everything(t.Context(), keptPrefix)
	if err != nil || len(buckets)+len(users) > 0 {
		t.Errorf("left over are %v and %v (%v)", buckets, users, err)
	}
}

// createAgain finds a bucket that was made with the same parameters.
func createAgain(t *testing.T, c caller, name string, bucket keptBucket) {
	t.Helper()
	c.create(t, name, bucket.Parameters)
	other := maps.Clone(bucket.Parameters)
	if other == nil {
		other = map[string]string{}
	}
	other["emptyOnDelete"] = map[bool]string{true: "false", false: "true"}[other["emptyOnDelete"] == "true"]
	expect(t, c.tryCreate(t.Context(), name, other), codes.AlreadyExists, "with other parameters")
	got, err := administer(embedded).s3.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &name})
	if err != nil || (got.Status == types.BucketVersioningStatusEnabled) != (bucket.Parameters["versioning"] == "true") {
		t.Errorf("%s: the versioning is %q, %v", name, got.Status, err)
	}
}

// findAgain repeats a grant twice, uses the key, and revokes it.
func (k kept) findAgain(t *testing.T, c caller, name string, account keptAccount) {
	t.Helper()
	if strings.HasPrefix(name, keptPrefix+"revoke-") {
		c.revoke(t, account.Bucket, name) // that nothing of it is left is seen in the end
		return
	}
	admin := administer(embedded)
	first := secretsOf(c.grant(t, account.Bucket, name, account.Parameters).GetCredentials())
	second := secretsOf(c.grant(t, account.Bucket, name, account.Parameters).GetCredentials())
	if !maps.Equal(first, second) {
		t.Error("a repeated grant gives other credentials")
	}
	if account.TestAccessKeyID != "" && (first["accessKeyID"] != account.TestAccessKeyID || first["accessSecretKey"] != account.TestSecretKey) {
		t.Error("the grant gives other credentials than the first driver did")
	}
	if keys := admin.keys(t, name); !slices.Equal(keys, []string{first["accessKeyID"]}) {
		t.Errorf("the user has the keys %v; granted is %s", keys, first["accessKeyID"])
	}
	client := plainClient(first)
	if err := useAs(t.Context(), client, account); err != nil {
		t.Error(err)
	}
	c.revoke(t, account.Bucket, name)
	if err := useAs(t.Context(), client, account); err == nil {
		t.Error("a revoked key works")
	}
	c.revoke(t, account.Bucket, name)
}

// useAs does what the access of an account allows, and expects that nothing else works.
func useAs(ctx context.Context, client *s3.Client, account keptAccount) error {
	const object = "made-later"
	putting, listing := put(ctx, client, account.Bucket, object, "x"), list(ctx, client, account.Bucket)
	switch account.Parameters["access"] {
	case "readonly":
		putting = inverse(putting)
	case "writeonly":
		listing = inverse(listing)
	}
	return errors.Join(putting, listing)
}

func inverse(err error) error {
	if denied(err) {
		return nil
	}
	return fmt.Errorf("want a refusal, got %w", err)
}

// deleteAgain deletes a bucket, with what is in it only if its class says so, and repeats that.
func deleteAgain(t *testing.T, c caller, name string, bucket keptBucket) {
	t.Helper()
	if bucket.Parameters["emptyOnDelete"] != "true" {
		if err := put(t.Context(), administer(embedded).s3, name, "one-more", "x"); err != nil {
			t.Fatal(err)
		}
		expect(t, c.tryDelete(t.Context(), name, bucket.Parameters), codes.FailedPrecondition, "is not empty")
	}
	for range 2 {
		c.delete(t, name, pair("emptyOnDelete=true"))
	}
}
