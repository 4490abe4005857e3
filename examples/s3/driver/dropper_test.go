package driver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/fake"
)

// dropping returns a store that answers with success and drops tags and paths, as SeaweedFS does, and a driver's settings.
func dropping(t *testing.T) (*fake.Store, driver.Settings) {
	t.Helper()
	store := fake.New(1)
	store.Drops, store.Names = fake.Drops{Tags: true, Path: true}, true
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	s := driver.Settings{
		Endpoint: server.URL, IAMEndpoint: server.URL, ClientEndpoint: server.URL, Region: "us-east-1",
		AccessKey: "AKIADRIVER", SecretKey: "secret", Owner: driver.Name, Sealer: sealer(t, sealKey(t)),
	}
	return store, s.Tuned(nil, time.Millisecond)
}

// The first bucket tells, and does not stay. Accounts of a bucket that an administrator made can be granted and revoked.
func TestStoreThatDropsTags(t *testing.T) {
	t.Parallel()
	store, s := dropping(t)
	c := connect(t, s)
	err := c.tryCreate(t.Context(), "new", nil)
	expect(t, err, codes.FailedPrecondition, "drops its tags")
	expect(t, err, codes.FailedPrecondition, "S3_NO_CREATION_TAGS=true")
	if left := store.BucketNames(); len(left) > 0 {
		t.Errorf("left behind are %v", left)
	}

	store.MakeBucket("entered", nil)
	first := secretsOf(c.grant(t, "entered", "ba-1", nil).GetCredentials())
	again := secretsOf(c.grant(t, "entered", "ba-1", nil).GetCredentials())
	if first["accessKeyID"] != again["accessKeyID"] || first["accessSecretKey"] != again["accessSecretKey"] {
		t.Error("a repeated grant answers with another key")
	}
	if !store.May(first["accessKeyID"], "s3:PutObject", "arn:aws:s3:::entered/object") {
		t.Error("the key does not open the bucket")
	}
	c = connect(t, s) // which knows nothing of the grant
	c.revoke(t, "entered", "ba-1")
	if left := store.UserNames(); len(left) > 0 || store.May(first["accessKeyID"], "s3:PutObject", "arn:aws:s3:::entered/object") {
		t.Errorf("left behind are %v", left)
	}
}

// With the setting that the error names, buckets are the driver's by their owner until they have tags.
func TestNoCreationTags(t *testing.T) {
	t.Parallel()
	store, s := dropping(t)
	s.NoCreationTags = true
	c := connect(t, s)
	c.create(t, "ours", nil)
	c.create(t, "ours", nil)
	expect(t, c.tryCreate(t.Context(), "ours", pair("emptyOnDelete=true")), codes.AlreadyExists, "other parameters")

	store.MakeBucket("half", nil) // a crash before the tags
	c.create(t, "half", nil)
	store.MakeBucket("theirs", map[string]string{"team": "archive"})
	expect(t, c.tryCreate(t.Context(), "theirs", nil), codes.AlreadyExists, "by which this driver knows its own")
	expect(t, c.tryDelete(t.Context(), "theirs", nil), codes.FailedPrecondition, "it lacks the tag")

	store.MakeBucket("half-full", nil)
	store.Put("half-full", "object")
	expect(t, c.tryDelete(t.Context(), "half-full", pair("emptyOnDelete=true")), codes.Aborted, "if this driver did not make it")
	store.MakeBucket("half-empty", nil)
	for _, bucket := range []string{"ours", "half", "half-empty"} {
		c.delete(t, bucket, nil)
	}
	if left := store.BucketNames(); len(left) != 2 {
		t.Errorf("left are %v, want half-full and theirs", left)
	}
}

// A store that keeps no tags at all is named, whatever the setting is.
func TestStoreWithoutTags(t *testing.T) {
	t.Parallel()
	for _, answer := range []*fake.Answer{{Status: http.StatusOK, Header: http.Header{"X-Amz-Request-Id": {"1"}}}, nil} {
		for _, later := range []bool{false, true} {
			store, s := dropping(t)
			s.NoCreationTags = later
			store.Before = func(r *fake.Request) *fake.Answer {
				if r.Operation == "PutBucketTagging" && answer == nil {
					return fake.Refuse(r, http.StatusNotImplemented, "NotImplemented")
				}
				if r.Operation == "PutBucketTagging" {
					return answer
				}
				return nil
			}
			err := connect(t, s).tryCreate(t.Context(), "new", nil)
			switch left := len(store.BucketNames()); {
			case answer != nil: // it may be late
				expect(t, err, codes.Aborted, "keeps none")
			case !later:
				expect(t, err, codes.FailedPrecondition, "keeps no tags")
				if left > 0 {
					t.Error("the bucket is left behind")
				}
			default:
				expect(t, err, codes.Unimplemented, "tag the bucket")
			}
		}
	}
}

// A store that shows the first tags late, and the second ones later, has not dropped them: the bucket stays, and the repeat finds it.
func TestStoreThatIsLate(t *testing.T) {
	t.Parallel()
	store, s := dropping(t)
	store.Drops = fake.Drops{}
	reads, first := 0, ""
	store.After = func(r *fake.Request, a *fake.Answer) *fake.Answer {
		if r.Operation != "GetBucketTagging" {
			return nil
		}
		if reads++; first == "" {
			first = a.Body
		}
		switch {
		case reads < 10:
			return fake.Refuse(r, http.StatusNotFound, "NoSuchTagSet")
		case reads == 10:
			return &fake.Answer{Status: a.Status, Header: a.Header, Body: first}
		}
		return nil
	}
	c := connect(t, s)
	expect(t, c.tryCreate(t.Context(), "new", nil), codes.Aborted, "does not show the bucket's tags yet")
	c.create(t, "new", nil)
	c.delete(t, "new", nil)
}

// A store that refuses tags in the creation is told what to set.
func TestStoreThatRefusesTags(t *testing.T) {
	t.Parallel()
	store, s := dropping(t)
	store.Before = func(r *fake.Request) *fake.Answer {
		if r.Operation == "CreateBucket" {
			return fake.Refuse(r, http.StatusBadRequest, "InvalidArgument")
		}
		return nil
	}
	expect(t, connect(t, s).tryCreate(t.Context(), "new", nil), codes.FailedPrecondition, "S3_STORE=ceph")
}

// A store that names no answers is believed by the address of the bucket that it made, and by nothing else.
func TestNamelessStore(t *testing.T) {
	t.Parallel()
	store, s := dropping(t)
	store.Names = false
	expect(t, connect(t, s).tryCreate(t.Context(), "new", nil), codes.FailedPrecondition, "drops its tags")
	if left := store.BucketNames(); len(left) > 0 {
		t.Errorf("left behind are %v", left)
	}

	store.Drops = fake.Drops{}
	store.MakeBucket("theirs", nil)
	store.Put("theirs", "object")
	forgeCreation(store)
	expect(t, connect(t, s).tryCreate(t.Context(), "theirs", nil), codes.AlreadyExists, "if nobody else made it")
	if b, ok := store.Bucket("theirs"); !ok || len(b.Tags) > 0 {
		t.Errorf("somebody else's bucket is now %+v (%t)", b, ok)
	}
}

// forgeCreation answers the next creation of a bucket in the place of the store.
func forgeCreation(store *fake.Store) {
	forged := false
	store.Before = func(r *fake.Request) *fake.Answer {
		if r.Operation == "CreateBucket" && !forged {
			forged = true
			return &fake.Answer{Status: http.StatusOK, Header: http.Header{}}
		}
		return nil
	}
}

// A success without the id that the store gives to all of its answers is somebody else's: the bucket may be anybody's, and stays.
func TestForgedCreation(t *testing.T) {
	t.Parallel()
	store, s := dropping(t)
	store.MakeBucket("theirs", nil)
	forgeCreation(store)
	expect(t, connect(t, s).tryCreate(t.Context(), "theirs", nil), codes.Unavailable, "not the store's answer")
	if left := store.BucketNames(); len(left) != 1 {
		t.Errorf("left are %v, want theirs", left)
	}
}
