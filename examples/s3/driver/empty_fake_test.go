package driver_test

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// fakeBucket is a store with one bucket, which emptying can go wrong on in every way.
type fakeBucket struct {
	t        *testing.T
	pageSize int
	encodes  func(key string) string // how it lists encoded keys; nil: it does not know how
	// remove says what becomes of a deletion.
	remove func(r removal) outcome
	// lists changes an answer that lists.
	lists func(l *listing)
	// answers deals with a request before the fake does, and says whether it did.
	answers func(w http.ResponseWriter, r *http.Request) bool
	lag     int  // how many lists show an item that has been deleted
	writes  bool // somebody puts an object whenever the bucket is empty

	mu       sync.Mutex
	items    []fakeItem
	requests int
	listed   int
	largest  int  // of all batches
	gone     bool // the bucket
}

type fakeItem struct {
	key, id string
	upload  bool
	deleted int // how many lists there had been then; 0: it is there
}

type removal struct {
	key, id string
	many    bool // with one request
}

type outcome struct {
	keep      bool   // the item stays
	code      string // of the store's error
	message   string
	unsaid    bool // the answer does not name it
	nameless  bool // the error does not name it
	otherName string
}

// Where a list begins and goes on, and what it has.
type listing struct {
	XMLName             xml.Name
	Xmlns               string `xml:"xmlns,attr"`
	Name                string `xml:",omitempty"`
	Bucket              string `xml:",omitempty"`
	KeyMarker           string
	NextKeyMarker       string `xml:",omitempty"`
	NextVersionIDMarker string `xml:"NextVersionIdMarker,omitempty"`
	NextUploadIDMarker  string `xml:"NextUploadIdMarker,omitempty"`
	IsTruncated         bool
	EncodingType        string      `xml:",omitempty"`
	Versions            []fakeEntry `xml:"Version"`
	DeleteMarkers       []fakeEntry `xml:"DeleteMarker"`
	Uploads             []fakeEntry `xml:"Upload"`
}

type fakeEntry struct {
	Key       string
	VersionID string `xml:"VersionId,omitempty"`
	UploadID  string `xml:"UploadId,omitempty"`
}

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// serve returns a driver that has this store.
func (f *fakeBucket) serve(t *testing.T) caller {
	t.Helper()
	f.prepare(t)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return connect(t, f.settings(t, server.URL).Tuned(nil, time.Millisecond))
}

func (f *fakeBucket) settings(t *testing.T, endpoint string) driver.Settings {
	t.Helper()
	return settings(t, gateway.Store{Endpoint: endpoint, IAMEndpoint: endpoint, Region: "us-east-1", AccessKey: "key", SecretKey: "secret"})
}

func (f *fakeBucket) prepare(t *testing.T) {
	t.Helper()
	f.t, f.pageSize = t, cmp.Or(f.pageSize, 1000)
	if f.remove == nil {
		f.remove = func(removal) outcome { return outcome{} }
	}
}

// fill puts objects there, with a version each.
func (f *fakeBucket) fill(keys ...string) *fakeBucket {
	for _, key := range keys {
		f.items = append(f.items, fakeItem{key: key, id: "null"})
	}
	slices.SortFunc(f.items, func(a, b fakeItem) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id)) })
	return f
}

func numbered(count int) (keys []string) {
	for i := range count {
		keys = append(keys, fmt.Sprintf("object-%06d", i))
	}
	return keys
}

func (f *fakeBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	query := r.URL.Query()
	if f.answers != nil && f.answers(w, r) {
		return
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	w.Header().Set("Content-Type", "application/xml")
	switch {
	case f.gone:
		f.refuse(w, http.StatusNotFound, "NoSuchBucket", "it is gone")
	case query.Has("tagging"):
		_, _ = fmt.Fprintf(w, `<Tagging xmlns="%s"><TagSet><Tag><Key>cosi/owner</Key><Value>%s</Value></Tag></TagSet></Tagging>`, namespace, driver.Name)
	case r.Method == http.MethodGet && query.Has("versions"):
		f.list(w, query, false)
	case r.Method == http.MethodGet && query.Has("uploads"):
		f.list(w, query, true)
	case r.Method == http.MethodPost && query.Has("delete"):
		f.deleteMany(w, r)
	case r.Method == http.MethodDelete && key != "":
		f.deleteOne(w, key, query)
	case r.Method == http.MethodDelete:
		f.deleteBucket(w)
	default:
		f.t.Errorf("the fake store does not know %s %s", r.Method, r.URL)
	}
}

func (f *fakeBucket) list(w http.ResponseWriter, query url.Values, uploads bool) {
	f.listed++
	l := listing{XMLName: xml.Name{Local: "ListVersionsResult"}, Name: "bucket"}
	if uploads {
		l = listing{XMLName: xml.Name{Local: "ListMultipartUploadsResult"}, Bucket: "bucket"}
	}
	l.Xmlns, l.KeyMarker = namespace, query.Get("key-marker")
	encode := func(key string) string { return key }
	if f.encodes != nil && query.Get("encoding-type") == "url" {
		encode, l.EncodingType = f.encodes, "url"
	}
	from := query.Get("key-marker") + "\n" + query.Get("version-id-marker") + query.Get("upload-id-marker")
	count := 0
	for _, i := range f.items {
		if i.upload != uploads || from != "\n" && i.key+"\n"+i.id <= from || i.deleted > 0 && f.listed-i.deleted > f.lag {
			continue
		}
		if count == f.pageSize {
			l.IsTruncated = true
			break
		}
		count++
		l.NextKeyMarker, l.NextVersionIDMarker = encode(i.key), i.id
		switch {
		case uploads:
			l.NextVersionIDMarker, l.NextUploadIDMarker = "", i.id
			l.Uploads = append(l.Uploads, fakeEntry{Key: encode(i.key), UploadID: i.id})
		case strings.HasPrefix(i.id, "marker"):
			l.DeleteMarkers = append(l.DeleteMarkers, fakeEntry{Key: encode(i.key), VersionID: i.id})
		default:
			l.Versions = append(l.Versions, fakeEntry{Key: encode(i.key), VersionID: i.id})
		}
	}
	if f.lists != nil {
		f.lists(&l)
	}
	f.write(w, l)
}

func (f *fakeBucket) write(w io.Writer, answer any) {
	text, err := xml.Marshal(answer)
	if err != nil {
		f.t.Error(err)
	}
	_, _ = w.Write(text)
}

type deleteResult struct {
	XMLName xml.Name      `xml:"DeleteResult"`
	Xmlns   string        `xml:"xmlns,attr"`
	Deleted []fakeEntry   `xml:"Deleted"`
	Errors  []fakeRefusal `xml:"Error"`
}

type fakeRefusal struct {
	Key       string `xml:",omitempty"`
	VersionID string `xml:"VersionId,omitempty"`
	Code      string
	Message   string
}

func (f *fakeBucket) deleteMany(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Quiet  bool `xml:"Quiet"`
		Object []struct {
			Key       string `xml:"Key"`
			VersionID string `xml:"VersionId"`
		} `xml:"Object"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&body); err != nil {
		f.t.Error(err)
	}
	f.largest = max(f.largest, len(body.Object))
	result := deleteResult{Xmlns: namespace}
	for _, o := range body.Object {
		out := f.try(removal{o.Key, o.VersionID, true})
		name := cmp.Or(out.otherName, o.Key)
		switch {
		case out.unsaid:
		case out.nameless:
			result.Errors = append(result.Errors, fakeRefusal{Code: out.code})
		case out.code != "":
			result.Errors = append(result.Errors, fakeRefusal{Key: name, VersionID: o.VersionID, Code: out.code, Message: out.message})
		case !body.Quiet:
			result.Deleted = append(result.Deleted, fakeEntry{Key: name, VersionID: o.VersionID})
		}
	}
	f.write(w, result)
}

func (f *fakeBucket) deleteOne(w http.ResponseWriter, key string, query url.Values) {
	out := f.try(removal{key: key, id: query.Get("versionId") + query.Get("uploadId")})
	if out.code != "" {
		f.refuse(w, http.StatusForbidden, out.code, out.message)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (f *fakeBucket) refuse(w http.ResponseWriter, httpStatus int, code, message string) {
	w.WriteHeader(httpStatus)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

func (f *fakeBucket) try(r removal) outcome {
	out := f.remove(r)
	if out.keep || out.code != "" {
		return out
	}
	for n, i := range f.items {
		if i.key == r.key && i.id == r.id && i.deleted == 0 {
			f.items[n].deleted = f.listed
		}
	}
	return out
}

// left returns the keys of what has not been deleted.
func (f *fakeBucket) left() (keys []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.items {
		if i.deleted == 0 {
			keys = append(keys, i.key)
		}
	}
	return keys
}

func (f *fakeBucket) deleteBucket(w http.ResponseWriter) {
	there := slices.ContainsFunc(f.items, func(i fakeItem) bool { return i.deleted == 0 })
	if there || f.writes {
		f.refuse(w, http.StatusConflict, "BucketNotEmpty", "it is not empty")
		return
	}
	f.gone = true
	w.WriteHeader(http.StatusNoContent)
}
