package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/doomshrine/gocosi/internal/tools/demo/actors"
)

// access is an account's to a bucket, used as an application uses it.
type access struct {
	bucket, account string
	granted         *granted
}

// object is the key of the object that each bucket holds.
const object = "greeting"

// works puts an object into a bucket, gets it, and finds it in the list.
func (a *access) works(ctx context.Context, in *access) error {
	content := "hello from " + a.account
	if err := a.put(ctx, in.bucket, content); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	got, err := a.get(ctx, in.bucket)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	keys, err := a.list(ctx, in.bucket)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if got != content || keys != object {
		return fmt.Errorf("put %q as %q; got %q, and the list is %q", content, object, got, keys)
	}
	actors.Say("put get list", "%s in %s: OK", short(a.account), short(in.bucket))
	return nil
}

// denied tries the same, and expects that the store forbids each part of it. The object is there to be got.
func (a *access) denied(ctx context.Context, in *access) error {
	_, get := a.get(ctx, in.bucket)
	_, list := a.list(ctx, in.bucket)
	var answers []string
	for _, try := range []struct {
		what string
		err  error
	}{{"put", a.put(ctx, in.bucket, "intruder")}, {"get", get}, {"list", list}} {
		code, err := forbidden(try.err)
		if err != nil {
			return fmt.Errorf("%s by %s in %s: %w", try.what, a.account, in.bucket, err)
		}
		answers = append(answers, code)
	}
	actors.Say("put get list", "%s in %s: %s", short(a.account), short(in.bucket), strings.Join(answers, ", "))
	return nil
}

// forbidden returns the store's code for a call that it must have refused by HTTP status 403.
func forbidden(err error) (code string, surprise error) {
	if err == nil {
		return "", errors.New("was not denied")
	}
	response, answered := errors.AsType[*awshttp.ResponseError](err)
	api, named := errors.AsType[smithy.APIError](err)
	if !answered || !named || response.HTTPStatusCode() != http.StatusForbidden {
		return "", fmt.Errorf("failed, but was not denied: %w", err)
	}
	return api.ErrorCode(), nil
}

// empty deletes the object, and expects that none is left.
func (a *access) empty(ctx context.Context) error {
	_, err := a.granted.client().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &a.bucket, Key: aws.String(object)})
	if err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	keys, err := a.list(ctx, a.bucket)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if keys != "" {
		return fmt.Errorf("the emptied bucket still holds %q", keys)
	}
	actors.Say("delete object", "%s in %s: OK", short(a.account), short(a.bucket))
	return nil
}

func (a *access) put(ctx context.Context, bucket, content string) error {
	_, err := a.granted.client().PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(object), Body: strings.NewReader(content)})
	return err
}

func (a *access) get(ctx context.Context, bucket string) (string, error) {
	out, err := a.granted.client().GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(object)})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	return string(content), err
}

// list returns the keys of all objects, in one line.
func (a *access) list(ctx context.Context, bucket string) (string, error) {
	out, err := a.granted.client().ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		return "", err
	}
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, aws.ToString(o.Key))
	}
	return strings.Join(keys, " "), nil
}

// short is enough of a name to tell it from the others.
func short(name string) string {
	kind, id, _ := strings.Cut(name, "-")
	return kind + "-" + id[:min(8, len(id))]
}
