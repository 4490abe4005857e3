package driver_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// An account under which drivers were killed again and again has nearly as many tags as IAM keeps, and heals.
func TestManyTombstones(t *testing.T) {
	t.Parallel()
	ctx, c, admin := t.Context(), connect(t, settings(t, embedded)), administer(embedded)
	const bucket, user = "tombstones", "ba-tombstones"
	c.create(t, bucket, nil)
	c.grant(t, bucket, user, nil)
	kept := admin.keys(t, user)[0]
	if _, err := admin.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String(user), AccessKeyId: &kept}); err != nil {
		t.Fatal(err)
	}
	lost, err := admin.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String(user)})
	if err != nil {
		t.Fatal(err)
	}
	tombstones := []types.Tag{{Key: aws.String("cosi/dead/" + *lost.AccessKey.AccessKeyId + "/first"), Value: aws.String("dead")}}
	for i := range 43 { // with the five of a new account, that makes 49
		tombstones = append(tombstones, types.Tag{Key: aws.String(fmt.Sprintf("cosi/dead/AKIAGONE%d/word", i)), Value: aws.String("dead")})
	}
	if _, err := admin.iam.TagUser(ctx, &iam.TagUserInput{UserName: aws.String(user), Tags: tombstones}); err != nil {
		t.Fatal(err)
	}
	secrets := secretsOf(c.grant(t, bucket, user, nil).GetCredentials())
	if err := works(ctx, plainClient(secrets), bucket, "object"); err != nil {
		t.Error(err)
	}
	if keys := admin.keys(t, user); len(keys) != 1 || keys[0] != secrets["accessKeyID"] {
		t.Errorf("the user has the keys %v, and was granted %s", keys, secrets["accessKeyID"])
	}
	c.revoke(t, bucket, user)
	c.delete(t, bucket, pair("emptyOnDelete=true"))
}
