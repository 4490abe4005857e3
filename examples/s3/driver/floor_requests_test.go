package driver_test

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// callsOfLife lists the calls of one life of a bucket, in the sidecar's order.
var callsOfLife = []string{"create", "grant", "revoke", "delete"}

// subject is what one life is about.
type subject struct{ bucket, account, keyID string }

func (c caller) live(ctx context.Context, call string, s *subject) error {
	switch call {
	case "create":
		return c.tryCreate(ctx, s.bucket, nil)
	case "grant":
		_, err := c.tryGrant(ctx, s.bucket, s.account, nil)
		return err
	case "revoke":
		return c.tryRevoke(ctx, s.bucket, s.account)
	case "delete":
		return c.tryDelete(ctx, s.bucket, nil)
	}
	return fmt.Errorf("%q is no call of a life", call)
}

// taken is a request of a life, as the store got and answered it.
type taken struct {
	seen

	line string // method, path and query
	code string // the store's error; "": it answered with success
}

// recording holds the requests of one life by the call that asked them.
type recording struct {
	subject subject
	calls   map[string][]taken
}

var errorCode = regexp.MustCompile(`<Code>(.*?)</Code>`)

// record lives a life on a healthy store, and returns what the store was asked for.
func (w *world) record(t *testing.T, live func(ctx context.Context, call string, s *subject) error) recording {
	t.Helper()
	word := unique()
	r := recording{subject: subject{bucket: "bc-" + word, account: "ba-" + word}, calls: map[string][]taken{}}
	var mu sync.Mutex
	call := ""
	w.between(func(q seen, rw http.ResponseWriter, request *http.Request) {
		line := request.Method + " " + request.URL.RequestURI()
		a := q.answer(request)
		mu.Lock()
		defer mu.Unlock()
		n := taken{seen: q, line: line}
		if found := errorCode.FindSubmatch(a.body); a.status >= http.StatusBadRequest && found != nil {
			n.code = string(found[1])
		}
		if found := madeKey.FindSubmatch(a.body); q.operation == "CreateAccessKey" && found != nil {
			r.subject.keyID = string(found[1])
		}
		r.calls[call] = append(r.calls[call], n)
		a.writeTo(rw)
	})
	defer w.passAll()
	lived := r.subject
	for _, next := range callsOfLife {
		mu.Lock()
		call = next
		mu.Unlock()
		if err := live(t.Context(), next, &lived); err != nil {
			t.Fatalf("%s: %v", next, err)
		}
	}
	if r.subject.keyID == "" {
		t.Fatal("the store made no key in a whole life")
	}
	return r
}

// texts returns the requests of a call in full, without what differs from life to life.
func (r recording) texts(call string) []string {
	same := strings.NewReplacer(r.subject.bucket, "BUCKET", r.subject.account, "ACCOUNT", r.subject.keyID, "KEY")
	var all []string
	for _, q := range r.calls[call] {
		content := string(q.body)
		if q.service == ofIAM {
			content = q.form.Encode() // the order of a form means nothing
		}
		all = append(all, same.Replace(strings.TrimSpace(q.line+"\n"+content)))
	}
	return all
}

// operations returns the names of the requests of a call.
func (r recording) operations(call string) []string {
	var names []string
	for _, q := range r.calls[call] {
		names = append(names, q.operation)
	}
	return names
}

// count returns how many requests a life has.
func (r recording) count() (n int) {
	for _, requests := range r.calls {
		n += len(requests)
	}
	return n
}

// bareClient repeats the requests of a recorded life by the SDK alone, for other names.
type bareClient struct {
	s3   *s3.Client
	iam  *iam.Client
	life recording
}

// newBareClient has the driver's connections and the SDK's own way to try again.
func newBareClient(store gateway.Store, life recording) *bareClient {
	keys := credentials.NewStaticCredentialsProvider(store.AccessKey, store.SecretKey, "")
	client := driver.NewHTTPClient()
	return &bareClient{
		life: life,
		s3: s3.New(s3.Options{
			BaseEndpoint: &store.Endpoint, Region: store.Region, UsePathStyle: true, Credentials: keys, HTTPClient: client,
			RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		}),
		iam: iam.New(iam.Options{BaseEndpoint: &store.IAMEndpoint, Region: store.Region, Credentials: keys, HTTPClient: client}),
	}
}

// live asks for what a call of the recorded life asked for, and wants the same answers.
func (c *bareClient) live(ctx context.Context, call string, s *subject) error {
	requests := c.life.calls[call]
	if len(requests) == 0 {
		return fmt.Errorf("%s: the recorded life has no request for it", call)
	}
	for _, q := range requests {
		send, ok := bareRequests[q.operation]
		if !ok {
			return fmt.Errorf("%s: the driver asks for %s, want an entry of bareRequests that does so too", call, q.operation)
		}
		was := c.life.subject
		again := repeated{taken: q, subject: s, same: strings.NewReplacer(was.bucket, s.bucket, was.account, s.account, was.keyID, s.keyID)}
		if err := send(ctx, c, again); !answeredSo(err, q.code) {
			return fmt.Errorf("%s: %s: want the answer that the driver got, %s; got %w", call, q.operation,
				cmp.Or(q.code, "a success"), cmp.Or(err, errors.New("a success")))
		}
	}
	return nil
}

// answeredSo says whether an error is the store's with that code; "": whether there is none.
func answeredSo(err error, code string) bool {
	if code == "" {
		return err == nil
	}
	answer, ok := errors.AsType[smithy.APIError](err)
	return ok && answer.ErrorCode() == code
}

// repeated is a recorded request that is asked again for another subject.
type repeated struct {
	taken

	subject *subject
	same    *strings.Replacer
}

// value returns a field of an IAM request; nil: it has none.
func (r repeated) value(name string) *string {
	if !r.form.Has(name) {
		return nil
	}
	value := r.same.Replace(r.form.Get(name))
	return &value
}

func (r repeated) tags() (tags []iamtypes.Tag) {
	for n := 1; ; n++ {
		member := "Tags.member." + strconv.Itoa(n)
		if !r.form.Has(member + ".Key") {
			return tags
		}
		tags = append(tags, iamtypes.Tag{Key: r.value(member + ".Key"), Value: r.value(member + ".Value")})
	}
}

// query returns a parameter of an S3 request; nil: it has none.
func (r repeated) query(name string) *string {
	_, query, _ := strings.Cut(r.line, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !values.Has(name) {
		return nil
	}
	value := r.same.Replace(values.Get(name))
	return &value
}

// configuration reads what a bucket was created with.
func (r repeated) configuration() (*s3types.CreateBucketConfiguration, error) {
	if len(r.body) == 0 {
		return nil, nil
	}
	var read struct {
		LocationConstraint string `xml:"LocationConstraint"`
		Tags               []struct {
			Key   string `xml:"Key"`
			Value string `xml:"Value"`
		} `xml:"Tags>Tag"`
	}
	if err := xml.Unmarshal(r.body, &read); err != nil {
		return nil, err
	}
	c := &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(read.LocationConstraint)}
	for _, tag := range read.Tags {
		c.Tags = append(c.Tags, s3types.Tag{Key: &tag.Key, Value: &tag.Value})
	}
	return c, nil
}

// bareRequests says how the SDK asks for what a life may need. TestFloor compares that with the driver's own requests.
var bareRequests = map[string]func(ctx context.Context, c *bareClient, r repeated) error{
	"ListBuckets": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: r.query("prefix"), MaxBuckets: aws.Int32(1)})
		return err
	},
	"CreateBucket": func(ctx context.Context, c *bareClient, r repeated) error {
		configuration, err := r.configuration()
		if err == nil {
			_, err = c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &r.subject.bucket, CreateBucketConfiguration: configuration})
		}
		return err
	},
	"GetBucketTagging": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &r.subject.bucket})
		return err
	},
	"DeleteBucket": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &r.subject.bucket})
		return err
	},
	"CreateUser": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: r.value("UserName"), Path: r.value("Path"), Tags: r.tags()})
		return err
	},
	"CreateAccessKey": func(ctx context.Context, c *bareClient, r repeated) error {
		out, err := c.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: r.value("UserName")})
		if err == nil {
			r.subject.keyID = *out.AccessKey.AccessKeyId
		}
		return err
	},
	"TagUser": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.TagUser(ctx, &iam.TagUserInput{UserName: r.value("UserName"), Tags: r.tags()})
		return err
	},
	"ListUserTags": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: r.value("UserName")})
		return err
	},
	"ListAccessKeys": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: r.value("UserName")})
		return err
	},
	"PutUserPolicy": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
			UserName: r.value("UserName"), PolicyName: r.value("PolicyName"), PolicyDocument: r.value("PolicyDocument"),
		})
		return err
	},
	"DeleteUserPolicy": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: r.value("UserName"), PolicyName: r.value("PolicyName")})
		return err
	},
	"DeleteAccessKey": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: r.value("UserName"), AccessKeyId: r.value("AccessKeyId")})
		return err
	},
	"DeleteUser": func(ctx context.Context, c *bareClient, r repeated) error {
		_, err := c.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: r.value("UserName")})
		return err
	},
}
