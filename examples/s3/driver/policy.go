package driver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// access is what an account may do in its bucket.
type access string

const (
	readWrite access = "readwrite"
	readOnly  access = "readonly"
	writeOnly access = "writeonly"
)

// actions lists what each access allows on the bucket and on its objects. None reaches versions that were replaced, the
// bucket's settings, or IAM.
func (a access) actions() (bucket, objects []string) {
	bucket = []string{"s3:GetBucketLocation"}
	if a != writeOnly {
		bucket = append(bucket, "s3:ListBucket")
		objects = append(objects, "s3:GetObject")
	}
	if a != readOnly {
		bucket = append(bucket, "s3:ListBucketMultipartUploads")
		objects = append(objects, "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
	}
	if a == readWrite {
		objects = append(objects, "s3:DeleteObject")
	}
	return bucket, objects
}

type statement struct {
	Effect   string   `json:"Effect"`
	Action   []string `json:"Action"`
	Resource string   `json:"Resource"`
}

// policy is the account's only policy, in IAM's language.
func (a access) policy(bucket string) (string, error) {
	onBucket, onObjects := a.actions()
	arn := "arn:aws:s3:::" + bucket
	text, err := json.Marshal(struct {
		Version   string      `json:"Version"`
		Statement []statement `json:"Statement"`
	}{"2012-10-17", []statement{{"Allow", onBucket, arn}, {"Allow", onObjects, arn + "/*"}}})
	return string(text), err
}

// policyName is the name of the only policy that an account for the bucket has. It tells the accounts of owners and buckets
// apart, so that deleting it touches nobody else's, whatever the store shows of the user.
func policyName(owner, bucket string) string {
	sum := sha256.Sum256([]byte(owner))
	return "cosi-" + hex.EncodeToString(sum[:8]) + "-" + bucket
}

// putPolicy gives a user its policy. It and removePolicy are the requests of IAM that every kind of store has.
func putPolicy(ctx context.Context, client *iam.Client, user, name string, a account) error {
	policy, err := a.access.policy(a.bucket)
	if err != nil {
		return err
	}
	_, err = client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: &user, PolicyName: &name, PolicyDocument: &policy,
	})
	return failed("put the user's policy", err)
}

// removePolicy takes a user's policy away; one that is not there is a success.
func removePolicy(ctx context.Context, client *iam.Client, user, name string) error {
	_, err := client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &user, PolicyName: &name})
	return failed("delete the user's policy", unlessGone(err))
}
