package driver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// sidecarCall is a call of the sidecar's, with the state of the store in which it comes.
type sidecarCall struct {
	name    string
	emptied bool // its class has emptyOnDelete
	check   bool // it is a check of the readiness
	fresh   bool // the driver has just started
	tags    bool // it tags a bucket that it made or found, which may have none
	users   bool // it is about an account
	knows   bool // the driver knows the account since it granted it
	// nameless is a call to a store that does not name its answers.
	nameless bool
	// prepare brings the store there, from nothing or from where the call has ended.
	prepare func(ctx context.Context, w *world) error
	// lived is another way there, by writes of the driver's own; nil: prepare is one.
	lived func(ctx context.Context, w *world) error
	make  func(ctx context.Context, w *world) error
	// done says what is wrong with the store after a success.
	done func(ctx context.Context, w *world) error
	// kept says what is wrong with the store after any answer; nil: nothing can be.
	kept func(ctx context.Context, w *world) error
}

// calls lists them, for a kind of store.
func calls(kind driver.Kind) []sidecarCall {
	if kind == driver.Ceph {
		return cephCalls()
	}
	versioned, emptied := pair("versioning=true"), map[string]string{"versioning": "true", "emptyOnDelete": "true"}
	return []sidecarCall{
		{name: "create, a new bucket", prepare: noBucket, make: creating(nil), done: bucketThere("")},
		{name: "create, a new bucket, the driver's first", fresh: true, prepare: noBucket, make: creating(nil), done: bucketThere("")},
		{name: "create, again", prepare: hasBucket(nil), make: creating(nil), done: bucketThere("")},
		{name: "create, a new bucket with versioning", prepare: noBucket, make: creating(versioned), done: bucketThere("Enabled")},
		{name: "delete, an empty bucket", prepare: hasBucket(nil), make: deleting(nil), done: bucketGone},
		{name: "delete, an empty bucket on a store that does not name its answers", nameless: true, prepare: hasBucket(nil), make: deleting(nil), done: bucketGone},
		{name: "delete, a full bucket with emptyOnDelete", emptied: true, prepare: full(emptied), make: deleting(emptied), done: bucketGone},
		{name: "delete, a bucket that is gone", prepare: noBucket, lived: first(hasBucket(nil), deleting(nil)), make: deleting(nil), done: bucketGone},
		{users: true, name: "grant, a new account", prepare: first(hasBucket(nil), noUser), make: granting, done: keyWorks},
		{users: true, name: "grant, again", prepare: granted, make: granting, done: keyWorks, kept: keyAlive},
		{users: true, name: "grant, after a crash that left a user without a key", prepare: crashed("CreateAccessKey", false), make: granting, done: keyWorks},
		{users: true, name: "grant, after a crash that left a key that nobody kept", prepare: crashed("CreateAccessKey", true), make: granting, done: keyWorks},
		{users: true, name: "grant, after a crash that left a kept key without a policy", prepare: crashed("PutUserPolicy", false), make: granting, done: keyWorks},
		{users: true, name: "revoke", knows: true, prepare: granted, make: revoking, done: userGone},
		{users: true, name: "revoke, by another driver", fresh: true, prepare: granted, make: revoking, done: userGone},
		{users: true, name: "revoke, again", prepare: first(hasBucket(nil), noUser), lived: first(granted, revoking), make: revoking, done: userGone},
		{users: true, name: "revoke, an account that was half granted", prepare: crashed("CreateAccessKey", true), make: revoking, done: userGone},
		{name: "the readiness check", check: true, prepare: nothing, make: checking, done: nothing},
	}
}

func nothing(context.Context, *world) error { return nil }

func first(steps ...func(context.Context, *world) error) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		for _, step := range steps {
			if err := step(ctx, w); err != nil {
				return err
			}
		}
		return nil
	}
}

func creating(class map[string]string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error { return w.caller.tryCreate(ctx, w.name, class) }
}

func deleting(class map[string]string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error { return w.caller.tryDelete(ctx, w.name, class) }
}

func granting(ctx context.Context, w *world) error {
	response, err := w.caller.tryGrant(ctx, w.name, w.name, nil)
	if err != nil {
		return err
	}
	secrets := secretsOf(response.GetCredentials())
	w.account = response.GetAccountId()
	if before := w.delivered; before != nil && before["accessKeyID"] != secrets["accessKeyID"] {
		return fmt.Errorf("another key than the one that was delivered before")
	}
	w.delivered = secrets
	return nil
}

func revoking(ctx context.Context, w *world) error { return w.caller.tryRevoke(ctx, w.name, w.account) }

// checking answers as a call does: a store that is not ready is an error.
func checking(ctx context.Context, w *world) error {
	response, err := w.health.Check(ctx, &healthpb.HealthCheckRequest{})
	if err == nil && response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return status.Error(codes.Unavailable, response.GetStatus().String())
	}
	return err
}

func noBucket(ctx context.Context, w *world) error {
	_, err := w.admin.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &w.name})
	return unless(err, "NoSuchBucket")
}

func hasBucket(class map[string]string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error { return w.caller.tryCreate(ctx, w.name, class) }
}

// full has an object with two versions, one with a delete marker, and an upload.
func full(class map[string]string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		_, err := w.admin.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &w.name, Key: aws.String("half")})
		if err != nil {
			err = w.caller.tryCreate(ctx, w.name, class)
			if err == nil {
				_, err = w.admin.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &w.name, Key: aws.String("half")})
			}
		}
		return errors.Join(err, put(ctx, w.admin.s3, w.name, "folder/a", "1"), put(ctx, w.admin.s3, w.name, "folder/a", "2"),
			remove(ctx, w.admin.s3, w.name, "folder/a"))
	}
}

func noUser(ctx context.Context, w *world) error {
	w.delivered = nil
	return first(revoking, userGone)(ctx, w)
}

// granted leaves an account alone that is there.
func granted(ctx context.Context, w *world) error {
	if w.delivered != nil && w.userThere(ctx) {
		return nil
	}
	w.delivered = nil
	return first(hasBucket(nil), granting)(ctx, w)
}

// crashed ends a grant at a request, which the store may still get.
func crashed(operation string, reaches bool) func(context.Context, *world) error {
	return first(hasBucket(nil), noUser, cut(granting, operation, reaches))
}

// cut ends a call at a request, which the store may still get, by an answer that the driver does not try again.
func cut(call func(context.Context, *world) error, operation string, reaches bool) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		w.watch.forget()
		w.between(func(q seen, rw http.ResponseWriter, r *http.Request) {
			switch {
			case q.operation != operation:
				q.pass(rw, r)
				return
			case reaches:
				q.answer(r)
			}
			rw.WriteHeader(http.StatusNotFound)
		})
		defer w.passAll()
		if err := call(ctx, w); err == nil {
			return fmt.Errorf("the call does not need %s", operation)
		}
		return nil
	}
}

// bucketThere wants it ours, and its versioning to be so.
func bucketThere(versioning string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		tags, err := w.admin.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &w.name})
		if err != nil || len(tags.TagSet) == 0 {
			return fmt.Errorf("the bucket has no tags (%w)", err)
		}
		if versioning == "" {
			return nil
		}
		got, err := w.admin.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &w.name})
		if err == nil && string(got.Status) != versioning {
			err = fmt.Errorf("the bucket's versioning is %q", got.Status)
		}
		return err
	}
}

func bucketGone(ctx context.Context, w *world) error {
	there, err := w.admin.exists(ctx, w.name)
	if there {
		return errors.New("the bucket is there")
	}
	return err
}

// keyWorks wants the delivered key to be the account's only one, and to open the bucket.
func keyWorks(ctx context.Context, w *world) error {
	ids, err := w.admin.userKeys(ctx, w.account)
	switch {
	case err != nil:
		return err
	case len(ids) != 1 || ids[0] != w.delivered["accessKeyID"]:
		return fmt.Errorf("the user has %d keys, and delivered is another", len(ids))
	}
	return keyAlive(ctx, w)
}

// keyAlive wants the key that was delivered to open the bucket.
func keyAlive(ctx context.Context, w *world) error {
	if err := list(ctx, application(w.delivered), w.name); err != nil {
		return fmt.Errorf("the delivered key: %w", err)
	}
	return nil
}

// userGone wants no key that the store ever gave for the account to open anything.
func userGone(ctx context.Context, w *world) error {
	if w.userThere(ctx) {
		return errors.New("the user is there")
	}
	for _, key := range w.watch.made() {
		if err := list(ctx, application(key), w.name); err == nil || !strings.Contains(err.Error(), "StatusCode: 403") {
			return fmt.Errorf("a key of a revoked account is not refused (%w)", err)
		}
	}
	w.delivered = nil
	return nil
}

func unless(err error, code string) error {
	if err != nil && strings.Contains(err.Error(), code) {
		return nil
	}
	return err
}

// application is a client that shares its connections with others.
func application(secrets map[string]string) *s3.Client {
	options := plainClient(secrets).Options()
	options.HTTPClient = shared
	return s3.New(options)
}
