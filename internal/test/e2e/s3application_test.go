//go:build e2e

package e2e_test

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
)

// application uses a bucket with the content of its Secret.
type application struct {
	name, account string
	bucket        string
	endpoint      string
	region        string
	keyID, secret string
}

// accessTo creates an access of a class. The Secret has the name of the access.
func (s *story) accessTo(claim *v1alpha1.BucketClaim, name, class string) {
	s.Helper()
	_, err := s.accesses().Create(s.Context(), &v1alpha1.BucketAccess{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.BucketAccessSpec{
			BucketClaimName: claim.Name, BucketAccessClassName: class, CredentialsSecretName: name, Protocol: v1alpha1.ProtocolS3,
		},
	}, metav1.CreateOptions{})
	must(s.T, err)
}

// application creates an access and reads its Secret when it exists.
func (s *story) application(claim *v1alpha1.BucketClaim, name, class string) *application {
	s.Helper()
	s.accessTo(claim, name, class)
	app := s.applicationOf(name)
	if app.bucket != bucketName(claim) {
		s.Errorf("the secret names bucket %q, want %q", app.bucket, bucketName(claim))
	}
	return app
}

func (s *story) applicationOf(name string) *application {
	s.Helper()
	info := s.waitGranted(name)
	access, err := s.accesses().Get(s.Context(), name, metav1.GetOptions{})
	must(s.T, err)
	return &application{
		name: name, account: accountName(access), bucket: info.Spec.BucketName, endpoint: info.Spec.S3.Endpoint, region: info.Spec.S3.Region,
		keyID: info.Spec.S3.AccessKeyID, secret: info.Spec.S3.AccessSecretKey,
	}
}

// client returns an S3 client that does not retry, because every answer counts.
func (a *application) client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &a.endpoint, Region: a.region, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(a.keyID, a.secret, ""),
	})
}

// The key and the content of the object in each bucket.
const object, content = "greeting", "hello"

// try does one of put, get and list, and returns the result.
func (a *application) try(s *story, what, bucket string) (string, error) {
	key := aws.String(object)
	switch what {
	case "put":
		_, err := a.client().PutObject(s.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: key, Body: strings.NewReader(content)})
		return "", err
	case "get":
		out, err := a.client().GetObject(s.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: key})
		if err != nil {
			return "", err
		}
		defer out.Body.Close()
		text, err := io.ReadAll(out.Body)
		return string(text), err
	default:
		out, err := a.client().ListObjectsV2(s.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil {
			return "", err
		}
		var keys []string
		for _, o := range out.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
		return strings.Join(keys, " "), nil
	}
}

// works puts an object and reads it.
func (a *application) works(s *story) {
	s.Helper()
	if _, err := a.try(s, "put", a.bucket); err != nil {
		s.Errorf("%s: put: %v", a.name, err)
	}
	a.reads(s)
}

// reads gets the object and finds it in the list.
func (a *application) reads(s *story) {
	s.Helper()
	for what, want := range map[string]string{"get": content, "list": object} {
		if got, err := a.try(s, what, a.bucket); err != nil || got != want {
			s.Errorf("%s: %s returns %q, want %q: %v", a.name, what, got, want, err)
		}
	}
}

// denied checks that the store denies an operation.
func (a *application) denied(s *story, what, bucket string) {
	s.Helper()
	_, err := a.try(s, what, bucket)
	response, answered := errors.AsType[*awshttp.ResponseError](err)
	if !answered || response.HTTPStatusCode() != http.StatusForbidden {
		s.Errorf("%s: %s in %s returns %v, want a denial", a.name, what, bucket, err)
	}
}

func (a *application) deniedAll(s *story, bucket string) {
	s.Helper()
	for _, what := range []string{"put", "get", "list"} {
		a.denied(s, what, bucket)
	}
}

func (a *application) empties(s *story) {
	s.Helper()
	_, err := a.client().DeleteObject(s.Context(), &s3.DeleteObjectInput{Bucket: &a.bucket, Key: aws.String(object)})
	must(s.T, err)
}
