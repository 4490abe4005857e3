package fake

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mostListed is how many entries an answer holds, and mostDeleted how many objects a request deletes.
const (
	mostListed  = 1000
	mostDeleted = 1000
)

const enabled = "Enabled"

// limit reads how many entries a listing is asked for.
func limit(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n > mostListed {
		return mostListed
	}
	return n
}

// encoder returns how a listing writes keys.
func encoder(r *Request) func(string) string {
	if r.Values.Get("encoding-type") != "url" {
		return func(key string) string { return key } // what XML cannot carry is replaced
	}
	return func(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }
}

type xmlVersion struct {
	Key, VersionId string //nolint:revive // S3's names
	IsLatest       bool
}

type versionList struct {
	Name, KeyMarker, VersionIdMarker string //nolint:revive // S3's names
	MaxKeys                          int
	EncodingType                     string `xml:",omitempty"`
	IsTruncated                      bool
	NextKeyMarker                    string `xml:",omitempty"`
	NextVersionIdMarker              string `xml:",omitempty"` //nolint:revive // S3's names

	Version, DeleteMarker []xmlVersion
}

func (s *Store) listObjectVersions(r *Request) *Answer {
	b := s.present().buckets[r.Name]
	if b == nil {
		return noSuchBucket(r)
	}
	list := versionList{
		Name: b.name, MaxKeys: limit(r.Values.Get("max-keys")), EncodingType: r.Values.Get("encoding-type"),
		KeyMarker: r.Values.Get("key-marker"), VersionIdMarker: r.Values.Get("version-id-marker"),
	}
	entries, more := b.contents.list(list.KeyMarker, list.VersionIdMarker, list.MaxKeys)
	write := encoder(r)
	for _, e := range entries {
		v := xmlVersion{write(e.key), e.id, e.latest}
		if e.marker {
			list.DeleteMarker = append(list.DeleteMarker, v)
		} else {
			list.Version = append(list.Version, v)
		}
	}
	if more && len(entries) > 0 {
		last := entries[len(entries)-1]
		list.IsTruncated, list.NextKeyMarker, list.NextVersionIdMarker = true, write(last.key), last.id
	}
	return document("ListVersionsResult", list)
}

func (s *Store) deleteObject(r *Request) *Answer {
	b := s.present().buckets[r.Name]
	if b == nil {
		return noSuchBucket(r)
	}
	if code := b.contents.delete(r.Key, r.Values.Get("versionId"), b.versioning == enabled); code != "" {
		return Refuse(r, http.StatusForbidden, code)
	}
	return empty(http.StatusNoContent)
}

type xmlObject struct {
	Key       string
	VersionID string `xml:"VersionId,omitempty"`
	Code      string `xml:",omitempty"`
	Message   string `xml:",omitempty"`
}

func (s *Store) deleteObjects(r *Request) *Answer {
	var asked struct {
		Object []xmlObject
		Quiet  bool
	}
	b := s.present().buckets[r.Name]
	switch {
	case r.decode(&asked) != nil || len(asked.Object) == 0 || len(asked.Object) > mostDeleted:
		return malformed(r)
	case b == nil:
		return noSuchBucket(r)
	}
	var done struct{ Deleted, Error []xmlObject }
	for _, o := range asked.Object {
		code := b.contents.delete(o.Key, o.VersionID, b.versioning == enabled)
		switch {
		case code != "":
			o.Code, o.Message = code, messageOf(code)
			done.Error = append(done.Error, o)
		case !asked.Quiet:
			done.Deleted = append(done.Deleted, o)
		}
	}
	return document("DeleteResult", done)
}

type xmlUpload struct {
	Key      string
	UploadID string `xml:"UploadId"`
}

type uploadList struct {
	Bucket, KeyMarker  string
	UploadIDMarker     string `xml:"UploadIdMarker"`
	MaxUploads         int
	EncodingType       string `xml:",omitempty"`
	IsTruncated        bool
	NextKeyMarker      string `xml:",omitempty"`
	NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`

	Upload []xmlUpload
}

func (s *Store) listMultipartUploads(r *Request) *Answer {
	b := s.present().buckets[r.Name]
	if b == nil {
		return noSuchBucket(r)
	}
	list := uploadList{
		Bucket: b.name, MaxUploads: limit(r.Values.Get("max-uploads")), EncodingType: r.Values.Get("encoding-type"),
		KeyMarker: r.Values.Get("key-marker"), UploadIDMarker: r.Values.Get("upload-id-marker"),
	}
	write := encoder(r)
	for _, u := range b.contents.uploads {
		switch {
		case u.key < list.KeyMarker || u.key == list.KeyMarker && (list.UploadIDMarker == "" || u.id <= list.UploadIDMarker):
		case len(list.Upload) == list.MaxUploads:
			list.IsTruncated = true
		default:
			list.Upload = append(list.Upload, xmlUpload{write(u.key), u.id})
			list.NextKeyMarker, list.NextUploadIDMarker = write(u.key), u.id
		}
	}
	if !list.IsTruncated {
		list.NextKeyMarker, list.NextUploadIDMarker = "", ""
	}
	return document("ListMultipartUploadsResult", list)
}

func (s *Store) abortMultipartUpload(r *Request) *Answer {
	b := s.present().buckets[r.Name]
	switch {
	case b == nil:
		return noSuchBucket(r)
	case !b.contents.abort(upload{r.Key, r.Values.Get("uploadId")}):
		return Refuse(r, http.StatusNotFound, "NoSuchUpload")
	}
	return empty(http.StatusNoContent)
}

// sortUploads keeps uploads in the order in which S3 lists them.
func sortUploads(uploads []upload) {
	slices.SortFunc(uploads, func(a, b upload) int { return strings.Compare(a.key+"\n"+a.id, b.key+"\n"+b.id) })
}
