package fake_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/doomshrine/gocosi/examples/s3/internal/fake"
)

// world is a store with the real clients on it.
type world struct {
	*fake.Store

	s3  *s3.Client
	iam *iam.Client
}

func newWorld() world {
	store := fake.New(1)
	keys := credentials.NewStaticCredentialsProvider("root", "secret", "")
	return world{
		Store: store,
		s3: s3.New(s3.Options{
			BaseEndpoint: aws.String("http://store"), Region: "us-east-1", UsePathStyle: true, Retryer: aws.NopRetryer{},
			Credentials: keys, HTTPClient: store,
		}),
		iam: iam.New(iam.Options{
			BaseEndpoint: aws.String("http://iam"), Region: "us-east-1", Retryer: aws.NopRetryer{}, Credentials: keys, HTTPClient: store,
		}),
	}
}

// must fails the test for an error.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// expect expects the store's code; "": a success.
func expect(t *testing.T, err error, code string) {
	t.Helper()
	got := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		got = api.ErrorCode()
	}
	if got != code || err != nil && code == "" {
		t.Errorf("got %q (%v), want %q", got, err, code)
	}
}

const readOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::b/*"}]}`

func TestUser(t *testing.T) {
	t.Parallel()
	w, ctx, name := newWorld(), t.Context(), aws.String("ann")
	made := must[*iam.CreateUserOutput](t)(w.iam.CreateUser(ctx, &iam.CreateUserInput{
		UserName: name, Path: aws.String("/cosi/"), Tags: iamTags("owner", "me", "bucket", "b"),
	}))
	if *made.User.Path != "/cosi/" || len(made.User.Tags) != 2 || made.User.CreateDate == nil {
		t.Errorf("made is %+v", made.User)
	}
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name})
	expect(t, err, "EntityAlreadyExists")
	_, err = w.iam.TagUser(ctx, &iam.TagUserInput{UserName: name, Tags: iamTags("owner", "you", "key", "k=/+@")})
	expect(t, err, "")
	_, err = w.iam.UntagUser(ctx, &iam.UntagUserInput{UserName: name, TagKeys: []string{"bucket", "none"}})
	expect(t, err, "")
	_, err = w.iam.TagUser(ctx, &iam.TagUserInput{UserName: name, Tags: iamTags("owner", "a\nb")})
	expect(t, err, "ValidationError")
	tags := must[*iam.ListUserTagsOutput](t)(w.iam.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: name}))
	got := must[*iam.GetUserOutput](t)(w.iam.GetUser(ctx, &iam.GetUserInput{UserName: name}))
	if len(tags.Tags) != 2 || *tags.Tags[0].Value != "k=/+@" || *tags.Tags[1].Value != "you" || len(got.User.Tags) != 2 {
		t.Errorf("the tags are %+v, and %+v", tags.Tags, got.User)
	}
	must[*iam.CreateUserOutput](t)(w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bob")}))
	page := must[*iam.ListUsersOutput](t)(w.iam.ListUsers(ctx, &iam.ListUsersInput{MaxItems: aws.Int32(1)}))
	if !page.IsTruncated || len(page.Users) != 1 {
		t.Errorf("the first page is %+v", page)
	}
	page = must[*iam.ListUsersOutput](t)(w.iam.ListUsers(ctx, &iam.ListUsersInput{Marker: page.Marker}))
	if page.IsTruncated || len(page.Users) != 1 || *page.Users[0].UserName != "bob" {
		t.Errorf("the second page is %+v", page)
	}
	page = must[*iam.ListUsersOutput](t)(w.iam.ListUsers(ctx, &iam.ListUsersInput{PathPrefix: aws.String("/cosi/")}))
	if len(page.Users) != 1 || *page.Users[0].UserName != "ann" {
		t.Errorf("below the path are %+v", page.Users)
	}
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	expect(t, err, "")
	for _, err := range w.onUser(ctx, "ann") {
		expect(t, err, "NoSuchEntity")
	}
}

// onUser does everything with a user that needs one.
func (w world) onUser(ctx context.Context, user string) (errs []error) {
	name, other := &user, aws.String("other")
	add := func(_ any, err error) { errs = append(errs, err) }
	add(w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name}))
	add(w.iam.GetUser(ctx, &iam.GetUserInput{UserName: name}))
	add(w.iam.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: name}))
	add(w.iam.TagUser(ctx, &iam.TagUserInput{UserName: name, Tags: iamTags("a", "b")}))
	add(w.iam.UntagUser(ctx, &iam.UntagUserInput{UserName: name, TagKeys: []string{"a"}}))
	add(w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name}))
	add(w.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name}))
	add(w.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: aws.String("AKIAAAAAAAAAAAAAAAAA")}))
	add(w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: other, PolicyDocument: aws.String(readOnly)}))
	add(w.iam.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: other}))
	add(w.iam.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name}))
	add(w.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: other}))
	return errs
}

func TestKeysAndPolicies(t *testing.T) {
	t.Parallel()
	w, ctx, name := newWorld(), t.Context(), aws.String("ann")
	must[*iam.CreateUserOutput](t)(w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name}))
	makeKey := func() (*iam.CreateAccessKeyOutput, error) {
		return w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	}
	first, second := must[*iam.CreateAccessKeyOutput](t)(makeKey()).AccessKey, must[*iam.CreateAccessKeyOutput](t)(makeKey()).AccessKey
	_, err := makeKey()
	expect(t, err, "LimitExceeded")
	if w.Owner(*first.AccessKeyId, *first.SecretAccessKey) != "ann" || w.Owner(*first.AccessKeyId, *second.SecretAccessKey) != "" {
		t.Error("the owner of a key is wrong")
	}
	if !slices.Equal(w.Secrets(), []string{*first.SecretAccessKey, *second.SecretAccessKey}) {
		t.Errorf("the secrets are %q", w.Secrets())
	}
	_, err = w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String("{")})
	expect(t, err, "MalformedPolicyDocument")
	_, err = w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(readOnly)})
	expect(t, err, "")
	got := must[*iam.GetUserPolicyOutput](t)(w.iam.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))
	names := must[*iam.ListUserPoliciesOutput](t)(w.iam.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name}))
	if !strings.HasPrefix(*got.PolicyDocument, "%7B") || !slices.Equal(names.PolicyNames, []string{"p"}) {
		t.Errorf("the policy is %q, of %q", *got.PolicyDocument, names.PolicyNames)
	}
	for _, row := range []struct {
		id, action, resource string
		want                 bool
	}{
		{*first.AccessKeyId, "s3:GetObject", "arn:aws:s3:::b/o", true},
		{*second.AccessKeyId, "s3:GetObject", "arn:aws:s3:::b/o", true},
		{*first.AccessKeyId, "s3:PutObject", "arn:aws:s3:::b/o", false},
		{*first.AccessKeyId, "s3:GetObject", "arn:aws:s3:::c/o", false},
		{"AKIA", "s3:GetObject", "arn:aws:s3:::b/o", false},
	} {
		if w.May(row.id, row.action, row.resource) != row.want {
			t.Errorf("%+v is wrong", row)
		}
	}
	for _, k := range []*string{first.AccessKeyId, second.AccessKeyId} {
		_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
		expect(t, err, "DeleteConflict")
		_, err = w.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: k})
		expect(t, err, "")
	}
	if w.May(*first.AccessKeyId, "s3:GetObject", "arn:aws:s3:::b/o") {
		t.Error("a deleted key still works")
	}
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	expect(t, err, "DeleteConflict") // it has its policy
	_, err = w.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("p")})
	expect(t, err, "")
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	expect(t, err, "")
	if w.String() != "" {
		t.Errorf("left over is %s", w)
	}
}

// Reads are late as they are told to be, and writes never are.
func TestLag(t *testing.T) {
	t.Parallel()
	w, ctx, name := newWorld(), t.Context(), aws.String("ann")
	keys := func() int {
		out, err := w.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
		if err != nil {
			expect(t, err, "NoSuchEntity")
			return -1
		}
		return len(out.AccessKeyMetadata)
	}
	sees := func(when string, want ...int) {
		t.Helper()
		var got []int
		for range want {
			got = append(got, keys())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: reads show %v, want %v", when, got, want)
		}
	}
	makeKey := func() {
		must[*iam.CreateAccessKeyOutput](t)(w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name}))
	}

	w.Lags[fake.Keys] = fake.Lag{Reads: 2}
	must[*iam.CreateUserOutput](t)(w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name}))
	sees("two reads late", -1)
	makeKey()
	sees("two reads late, with a write between", -1, 0, 1, 1)
	w.Lags[fake.Keys] = fake.Lag{Writes: 1}
	sees("a write late", 0, 0)
	makeKey()
	sees("a write late", 1)
	ages := []int{3, 0, 2, 99}
	w.Age = func(k fake.Kind) int {
		if k != fake.Keys {
			t.Errorf("the kind is %s", k)
		}
		age := ages[0]
		ages = ages[1:]
		return age
	}
	sees("late at will", -1, 2, 0, -1)
	w.Age = nil
	w.Lags = fake.Lags{fake.Users: {Writes: 9}, fake.User: {Writes: 9}, fake.Policies: {Writes: 9}}
	sees("others late", 2)
	users := must[*iam.ListUsersOutput](t)(w.iam.ListUsers(ctx, &iam.ListUsersInput{}))
	_, err := w.iam.GetUser(ctx, &iam.GetUserInput{UserName: name})
	expect(t, err, "NoSuchEntity")
	_, err = w.iam.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name})
	expect(t, err, "NoSuchEntity")
	if len(users.Users) != 0 {
		t.Errorf("late users are %+v", users.Users)
	}
}

func TestDrops(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(), t.Context()
	w.Drops = fake.Drops{Tags: true, Path: true}
	must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, taggedBucket("b")))
	must[*iam.CreateUserOutput](t)(w.iam.CreateUser(ctx, &iam.CreateUserInput{
		UserName: aws.String("ann"), Path: aws.String("/cosi/"), Tags: iamTags("owner", "me"),
	}))
	b, _ := w.Bucket("b")
	u, _ := w.User("ann")
	if len(b.Tags)+len(u.Tags) > 0 || u.Path != "/" {
		t.Errorf("kept are %+v and %+v", b, u)
	}
	must[*iam.TagUserOutput](t)(w.iam.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("ann"), Tags: iamTags("owner", "me")}))
	must[*s3.PutBucketTaggingOutput](t)(w.s3.PutBucketTagging(ctx, bucketTagging("b")))
	b, _ = w.Bucket("b")
	u, _ = w.User("ann")
	if b.Tags["owner"] != "me" || u.Tags["owner"] != "me" {
		t.Errorf("kept are %+v and %+v", b, u)
	}
}

// The hooks see every request, before and after the store acts, and decide on the answer.
func TestHooks(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(), t.Context()
	var seen []string
	w.Before = func(r *fake.Request) *fake.Answer {
		seen = append(seen, r.Operation+" "+r.Name)
		if r.Name == "refused" {
			return fake.Refuse(r, http.StatusServiceUnavailable, "SlowDown")
		}
		return nil
	}
	w.After = func(r *fake.Request, _ *fake.Answer) *fake.Answer {
		if r.Name == "lost" {
			return &fake.Answer{Err: io.ErrUnexpectedEOF}
		}
		return nil
	}
	create := func(name string) error {
		_, s3Err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
		_, iamErr := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
		return errors.Join(s3Err, iamErr)
	}
	expect(t, create("fine"), "")
	expect(t, create("refused"), "SlowDown")
	if err := create("lost"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the error is %v", err)
	}
	want := []string{
		"CreateBucket fine", "CreateUser fine", "CreateBucket refused", "CreateUser refused", "CreateBucket lost", "CreateUser lost",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen were %q", seen)
	}
	if left := append(w.BucketNames(), w.UserNames()...); !slices.Equal(left, []string{"fine", "lost", "fine", "lost"}) {
		t.Errorf("the store holds %q", left)
	}
}

// A request whose context is over never reaches the store.
func TestContext(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://store/b", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.Do(r)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) || w.Requests() != 0 {
		t.Errorf("the error is %v, after %d requests", err, w.Requests())
	}
}

// One seed makes the same ids and secrets, another one makes others.
func TestSeed(t *testing.T) {
	t.Parallel()
	id := func(seed uint64) string { return fake.New(seed).MakeUser("ann", "/", nil, "") }
	if first, again := id(1), id(1); first != again || first == id(2) {
		t.Error("the seed does not decide")
	}
}

// An administrator makes what the driver does not.
func TestAdministrator(t *testing.T) {
	t.Parallel()
	w := newWorld()
	id := w.MakeUser("ann", "/staff/", map[string]string{"a": "b"}, readOnly)
	u, there := w.User("ann")
	if !there || u.Path != "/staff/" || u.Tags["a"] != "b" || !slices.Equal(u.Keys, []string{id}) || len(u.Policies) != 1 {
		t.Errorf("the user is %+v", u)
	}
	if !w.May(id, "s3:GetObject", "arn:aws:s3:::b/o") || len(w.Secrets()) != 1 {
		t.Error("the user's key opens nothing")
	}
	w.MakeBucket("b", map[string]string{"c": "d"})
	w.Put("b", "object")
	w.Upload("b", "upload")
	if b, there := w.Bucket("b"); !there || b.Tags["c"] != "d" || b.Versions != 1 || b.Uploads != 1 {
		t.Errorf("the bucket is %+v", b)
	}
	if text := w.String(); !strings.Contains(text, id) || strings.Contains(text, w.Secrets()[0]) {
		t.Errorf("the store tells %q", text)
	}
	before := w.Writes()
	w.Clear("b")
	if b, _ := w.Bucket("b"); b.Versions+b.Uploads != 0 || w.Writes() != before {
		t.Errorf("left are %+v", b)
	}
	w.DropBucket("b")
	if _, there := w.Bucket("b"); there || w.Writes() != before+1 {
		t.Error("the bucket is still there")
	}
	if _, there := w.User("bob"); there || w.Put("b", "object") != "" {
		t.Error("there is what was never made")
	}
}
