package fake

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Request is what the store is asked for.
type Request struct {
	Operation string     // such as CreateUser
	Name      string     // of the user or the bucket
	Key       string     // of the object
	Values    url.Values // an IAM action's form, or the query of an S3 request
	Body      []byte
	HTTP      *http.Request
}

// IAM says whether the request is for IAM; otherwise it is for S3.
func (r *Request) IAM() bool { return r.Values.Has("Action") }

func read(r *http.Request) (*Request, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		return &Request{Operation: form.Get("Action"), Name: form.Get("UserName"), Values: form, Body: body, HTTP: r}, err
	}
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	key, err := url.PathUnescape(key)
	query := r.URL.Query()
	return &Request{Operation: operation(r.Method, name, key, query), Name: name, Key: key, Values: query, Body: body, HTTP: r}, err
}

// decode reads the body of an S3 request.
func (r *Request) decode(value any) error {
	return xml.Unmarshal(r.Body, value) //nolint:gosec // it comes from a test
}

// operation names what an S3 request asks for; "" if the store does not know it.
func operation(method, name, key string, query url.Values) string {
	switch {
	case name == "":
		return map[string]string{http.MethodGet: "ListBuckets"}[method]
	case key != "":
		return objectOperation(method, query)
	}
	if i := slices.IndexFunc(parts(), query.Has); i >= 0 {
		return bucketPart(method, parts()[i])
	}
	return map[string]string{
		http.MethodPut: "CreateBucket", http.MethodHead: "HeadBucket", http.MethodDelete: "DeleteBucket",
	}[method]
}

func objectOperation(method string, query url.Values) string {
	switch {
	case method != http.MethodDelete:
		return ""
	case query.Has("uploadId"):
		return "AbortMultipartUpload"
	}
	return "DeleteObject"
}

// parts lists what the query of a request about a bucket can name.
func parts() []string { return []string{"tagging", "versioning", "versions", "uploads", "delete"} }

func bucketPart(method, part string) string {
	return map[string]string{
		"GET tagging": "GetBucketTagging", "PUT tagging": "PutBucketTagging",
		"GET versioning": "GetBucketVersioning", "PUT versioning": "PutBucketVersioning",
		"GET versions": "ListObjectVersions", "GET uploads": "ListMultipartUploads", "POST delete": "DeleteObjects",
	}[method+" "+part]
}
