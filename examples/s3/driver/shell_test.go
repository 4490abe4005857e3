package driver_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"google.golang.org/grpc/codes"
)

// A user without tags that owns nothing is what a crash leaves on a store that drops them; a user that owns something, be it a
// policy only, is a stranger's.
func TestUserWithoutTags(t *testing.T) {
	t.Parallel()
	ctx, c, admin := t.Context(), connect(t, settings(t, embedded)), administer(embedded)
	const bucket, empty, owns = "shell", "ba-shell-empty", "ba-shell-owns"
	c.create(t, bucket, nil)
	for _, user := range []string{empty, owns} {
		if _, err := admin.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(user)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := admin.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: aws.String(owns), PolicyName: aws.String("theirs"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::theirs"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.tryGrant(ctx, bucket, empty, nil)
	expect(t, err, codes.Aborted, "was removed")
	secrets := secretsOf(c.grant(t, bucket, empty, nil).GetCredentials())
	if err := works(ctx, plainClient(secrets), bucket, "object"); err != nil {
		t.Error(err)
	}
	_, err = c.tryGrant(ctx, bucket, owns, nil)
	expect(t, err, codes.FailedPrecondition, "without the tag")
	if _, err := admin.iam.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: aws.String(owns), PolicyName: aws.String("theirs")}); err != nil {
		t.Error(err)
	}
	c.revoke(t, bucket, empty)
	c.revoke(t, bucket, owns)
	if _, err := admin.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String(owns)}); err != nil {
		t.Error(err)
	}
	c.delete(t, bucket, pair("emptyOnDelete=true"))
}
