package driver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// fill asks for a new kept store, of the driver as it is; see testdata/README.md.
var fill = flag.String("fill", "", "make a store in this `folder`, with TestFill alone")

// The names and the owner of everything in a kept store begin with these.
const (
	keptPrefix = "old-"
	keptOwner  = "store-v1"
)

// keptFile is a file beside the data of a kept store, which says what is in it.
const keptFile = "test-secrets.json"

// kept is what a kept store has in it. Its secrets open nothing else.
type kept struct {
	TestSealKey    string                 `json:"testSealKey"`    // seals most accounts
	OldTestSealKey string                 `json:"oldTestSealKey"` // seals the others
	Buckets        map[string]keptBucket  `json:"buckets"`
	Accounts       map[string]keptAccount `json:"accounts"`
}

type keptBucket struct {
	Parameters map[string]string `json:"parameters,omitempty"`
	Objects    []string          `json:"objects,omitempty"`
	Cut        string            `json:"cut,omitempty"` // the request at which the creation ended; "": it did not
}

type keptAccount struct {
	Bucket          string            `json:"bucket"`
	Parameters      map[string]string `json:"parameters,omitempty"`
	Cut             string            `json:"cut,omitempty"`             // the request at which the grant or the revoke ended; "": it did not
	Sealed          string            `json:"sealed,omitempty"`          // "old": by the old key
	TestAccessKeyID string            `json:"testAccessKeyID,omitempty"` // "": none has been delivered, or it has been deleted
	TestSecretKey   string            `json:"testSecretKey,omitempty"`
}

// wanted is what TestFill makes. Accounts whose name begins with keptPrefix and "revoke-" are not granted again.
func wanted() kept {
	versions := map[string]string{"versioning": "true"}
	empties := map[string]string{"emptyOnDelete": "true"}
	both := map[string]string{"versioning": "true", "emptyOnDelete": "true"}
	return kept{
		Buckets: map[string]keptBucket{
			"old-plain":    {},
			"old-versions": {Parameters: versions},
			"old-empties":  {Parameters: empties, Objects: []string{"a", "folder/b"}},
			"old-both":     {Parameters: both, Objects: []string{"a", "a", "folder/b"}},
			"old-objects":  {Objects: []string{"a"}},
			"old-cut":      {Parameters: versions, Cut: "versioning"}, // it keeps no versions yet
		},
		Accounts: map[string]keptAccount{
			"old-plain-default":    {Bucket: "old-plain"},
			"old-plain-readonly":   {Bucket: "old-plain", Parameters: pair("access=readonly")},
			"old-plain-writeonly":  {Bucket: "old-plain", Parameters: pair("access=writeonly")},
			"old-objects-written":  {Bucket: "old-objects", Parameters: pair("access=readwrite")},
			"old-both-resealed":    {Bucket: "old-both", Sealed: "old"},
			"old-objects-resealed": {Bucket: "old-objects", Sealed: "old", Parameters: pair("access=readonly")},
			"old-cut-user":         {Bucket: "old-plain", Cut: "CreateAccessKey"},  // a user without a key
			"old-cut-key":          {Bucket: "old-plain", Cut: "TagUser"},          // a key that nobody knows
			"old-cut-kept":         {Bucket: "old-versions", Cut: "PutUserPolicy"}, // a kept key without a policy
			"old-cut-revoked":      {Bucket: "old-plain", Cut: "DeleteUserPolicy"}, // keys are deleted, nothing else
			"old-cut-last":         {Bucket: "old-versions", Cut: "DeleteUser"},    // only the user is left
			"old-revoke-user":      {Bucket: "old-plain", Cut: "CreateAccessKey"},
			"old-revoke-key":       {Bucket: "old-plain", Cut: "TagUser"},
			"old-revoke-kept":      {Bucket: "old-versions", Cut: "PutUserPolicy"},
			"old-revoke-revoked":   {Bucket: "old-plain", Cut: "DeleteUserPolicy"},
			"old-revoke-last":      {Bucket: "old-versions", Cut: "DeleteUser"},
		},
	}
}

// TestFill makes a kept store with the driver as it is.
func TestFill(t *testing.T) { //nolint:paralleltest // the store is its own
	if *fill == "" {
		t.Skip("no -fill was given")
	}
	k := wanted()
	k.TestSealKey, k.OldTestSealKey = sealKey(t), sealKey(t)
	p, s := behindProxy(t, embedded)
	s.Owner = keptOwner
	s.Sealer = sealer(t, k.TestSealKey)
	now := connect(t, s)
	s.Sealer = sealer(t, k.OldTestSealKey)
	before := connect(t, s)
	for name, bucket := range k.Buckets {
		fillBucket(t, p, now, name, bucket)
	}
	for name, account := range k.Accounts {
		c := now
		if account.Sealed == "old" {
			c = before
		}
		k.Accounts[name] = fillAccount(t, p, c, name, account)
	}
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*fill, keptFile), append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fillBucket makes a bucket with objects, or ends its creation where it is to be cut.
func fillBucket(t *testing.T, p *proxy, c caller, name string, bucket keptBucket) {
	t.Helper()
	defer p.undo()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if bucket.Cut != "" {
		p.cutAt(bucket.Cut, cancel)
	}
	if err := c.tryCreate(ctx, name, bucket.Parameters); (err == nil) != (bucket.Cut == "") {
		t.Fatalf("%s: %v", name, err)
	}
	admin := administer(embedded)
	for _, object := range bucket.Objects {
		if err := put(t.Context(), admin.s3, name, object, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if bucket.Parameters["versioning"] == "" || len(bucket.Objects) == 0 {
		return
	}
	if err := remove(t.Context(), admin.s3, name, bucket.Objects[0]); err != nil { // leaves a marker
		t.Fatal(err)
	}
	_, err := admin.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &name, Key: aws.String("half")})
	if err != nil {
		t.Fatal(err)
	}
}

// fillAccount grants access, and ends the grant or a revoke where it is to be cut.
func fillAccount(t *testing.T, p *proxy, c caller, name string, account keptAccount) keptAccount {
	t.Helper()
	defer p.undo()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	revoked := strings.HasPrefix(account.Cut, "Delete")
	if account.Cut != "" && !revoked {
		p.cutAt(account.Cut, cancel)
	}
	granted, err := c.tryGrant(ctx, account.Bucket, name, account.Parameters)
	if (err == nil) != (account.Cut == "" || revoked) {
		t.Fatalf("%s: %v", name, err)
	}
	if revoked {
		p.cutAt(account.Cut, cancel)
		if err := c.tryRevoke(ctx, account.Bucket, name); err == nil {
			t.Fatalf("%s: the revoke was not cut", name)
		}
		return account
	}
	secrets := secretsOf(granted.GetCredentials())
	account.TestAccessKeyID, account.TestSecretKey = secrets["accessKeyID"], secrets["accessSecretKey"]
	return account
}

// cutAt lets everything pass up to an action of IAM, or a setting of a bucket, which does not reach the store; it calls back
// then.
func (p *proxy) cutAt(what string, cutting func()) {
	p.do(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil || strings.Contains(string(body), "Action="+what+"&") || r.URL.Query().Has(what) {
			cutting()
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	})
}
