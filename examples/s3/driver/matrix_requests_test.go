package driver_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ceph/go-ceph/rgw/admin"
)

// seen is a request of the driver's, as the proxy has read it.
type seen struct {
	operation string // as the API calls it
	service   service
	form      url.Values // of an IAM request
	body      []byte
	store     string // host and port
	watch     *watch
}

// read reads a request to a service, and leaves it so that it can still be forwarded.
func (w *watch) read(r *http.Request, to service, store string) seen {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	q := seen{service: to, body: body, store: store, watch: w}
	if to == anyService {
		q.service = serviceOf(r)
	}
	switch q.service {
	case ofIAM:
		q.form, _ = url.ParseQuery(string(body))
		q.operation = q.form.Get("Action")
	case ofAdmin:
		q.operation = adminOperations[r.Method]
	default:
		q.operation = s3Operation(r)
	}
	w.request(r, q)
	return q
}

// serviceOf tells the services of a store apart that has one address for all.
func serviceOf(r *http.Request) service {
	switch {
	case r.URL.Path == "/admin/user":
		return ofAdmin
	case r.Method == http.MethodPost && r.URL.Path == "/":
		return ofIAM
	}
	return ofS3
}

var adminOperations = map[string]string{http.MethodPut: "CreateUser", http.MethodGet: "GetUser", http.MethodDelete: "RemoveUser"}

// s3Operation names a request by its method and the part of the store that it is about.
func s3Operation(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	about := "bucket"
	switch query := r.URL.Query(); {
	case r.URL.Path == "/":
		about = "buckets"
	case key != "" && query.Has("uploadId"):
		about = "upload"
	case key != "":
		about = "object"
	default:
		for _, part := range []string{"tagging", "versioning", "versions", "uploads", "delete"} {
			if query.Has(part) {
				about = part
			}
		}
	}
	if name, ok := s3Operations[r.Method+" "+about]; ok {
		return name
	}
	return r.Method + " " + about
}

var s3Operations = map[string]string{
	"GET buckets": "ListBuckets", "PUT bucket": "CreateBucket", "DELETE bucket": "DeleteBucket", "HEAD bucket": "HeadBucket",
	"GET bucket": "ListObjectsV2", "GET tagging": "GetBucketTagging", "PUT tagging": "PutBucketTagging",
	"GET versioning": "GetBucketVersioning", "PUT versioning": "PutBucketVersioning", "GET versions": "ListObjectVersions",
	"GET uploads": "ListMultipartUploads", "POST delete": "DeleteObjects", "DELETE upload": "AbortMultipartUpload",
	"DELETE object": "DeleteObject",
}

// reads says whether a request changes nothing.
func reads(operation string) bool {
	return strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Head")
}

// bare says whether the store's own answer to a success has no body, by which it could be known.
func bare(operation string) bool {
	return slices.Contains([]string{
		"CreateBucket", "PutBucketTagging", "PutBucketVersioning", "DeleteBucket", "AbortMultipartUpload", "DeleteObject", "RemoveUser",
	}, operation)
}

// pass lets the store answer.
func (q seen) pass(w http.ResponseWriter, r *http.Request) { q.answer(r).writeTo(w) }

// answer returns what the store answers.
func (q seen) answer(r *http.Request) answer {
	a := q.fetch(r)
	q.watch.answer(q, a)
	return a
}

// answer is one of the store's.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) writeTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// watch knows what must never stand in a message or in the log, and which keys the store gave out.
type watch struct {
	mu        sync.Mutex
	store     site
	constant  []string
	secrets   []string
	keys      []map[string]string // as an application has them
	lastTries []string            // the operations since the last look
	notes     []string            // what went wrong in the test itself
}

var (
	signature = regexp.MustCompile(`Signature=([0-9a-f]+)`)
	madeKey   = regexp.MustCompile(`(?s)<AccessKeyId>(.*?)</AccessKeyId>.*<SecretAccessKey>(.*?)</SecretAccessKey>`)
)

func (w *watch) request(r *http.Request, q seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastTries = append(w.lastTries, q.operation)
	if found := signature.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		w.secrets = append(w.secrets, found[1])
	}
	for name, values := range q.form {
		member, ok := strings.CutSuffix(name, ".Key")
		if ok && strings.HasPrefix(values[0], "cosi/key") {
			sealed := q.form.Get(member + ".Value")
			if _, after, ok := strings.Cut(sealed, "@"); ok {
				sealed = after
			}
			w.secrets = append(w.secrets, sealed)
		}
	}
}

func (w *watch) answer(q seen, a answer) {
	if q.service == ofAdmin {
		var user admin.User
		_ = json.Unmarshal(a.body, &user)
		for _, key := range user.Keys {
			w.gave(key.AccessKey, key.SecretKey)
		}
	}
	if found := madeKey.FindSubmatch(a.body); found != nil && q.operation == "CreateAccessKey" {
		w.gave(string(found[1]), string(found[2]))
	}
}

// gave notes a key that the store gave out.
func (w *watch) gave(id, secret string) {
	if id == w.store.AccessKey { // the driver's own
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, secret, strings.ReplaceAll(secret, "/", `\/`)) // as Ceph writes it
	w.keys = append(w.keys, map[string]string{
		"endpoint": w.store.Endpoint, "region": w.store.Region, "accessKeyID": id, "accessSecretKey": secret,
	})
}

// forget begins anew: with another account, or another cell.
func (w *watch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets, w.keys = nil, nil
}

// note adds something that is no operation.
func (w *watch) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, text)
}

// tries returns the operations since the last time.
func (w *watch) tries() (operations, notes []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	operations, notes = w.lastTries, w.notes
	w.lastTries, w.notes = nil, nil
	return operations, notes
}

// made returns the keys that the store gave out.
func (w *watch) made() []map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.keys)
}

// telling is how much of a secret already tells something.
const telling = 12

// found returns the beginning of a secret that a text holds, in any of its parts.
func (w *watch) found(text string) (secret string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, secret := range slices.Concat(w.constant, w.secrets) {
		if len(secret) >= telling && strings.Contains(text, secret[:telling]) {
			return secret[:telling], true
		}
	}
	return "", false
}
