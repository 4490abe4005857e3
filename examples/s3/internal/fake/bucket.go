package fake

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// tagSet is how S3 writes tags.
type tagSet struct {
	Tags []xmlTag `xml:"TagSet>Tag"`
}

func tagMap(tags []xmlTag) map[string]string {
	m := map[string]string{}
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// malformed is the answer to a body that cannot be read.
func malformed(r *Request) *Answer { return Refuse(r, http.StatusBadRequest, "MalformedXML") }

func noSuchBucket(r *Request) *Answer { return Refuse(r, http.StatusNotFound, "NoSuchBucket") }

func (s *Store) createBucket(r *Request) *Answer {
	var configuration struct {
		Tags []xmlTag `xml:"Tags>Tag"`
	}
	if len(r.Body) > 0 && r.decode(&configuration) != nil {
		return malformed(r)
	}
	switch {
	case s.present().buckets[r.Name] == nil:
		tags := tagMap(configuration.Tags)
		if s.Drops.Tags {
			tags = nil
		}
		s.makeBucket(r.Name, tags)
	case s.Drops.Tags: // SeaweedFS says so of anybody's
		return Refuse(r, http.StatusConflict, "BucketAlreadyExists")
	case !s.Again:
		return Refuse(r, http.StatusConflict, "BucketAlreadyOwnedByYou")
	}
	a := empty(http.StatusOK)
	a.Header.Set("Location", "/"+r.Name)
	return a
}

func (s *Store) makeBucket(name string, tags map[string]string) {
	s.putBucket(bucket{name: name, date: s.now(), tags: tags, contents: newContents()})
}

func (s *Store) headBucket(r *Request) *Answer {
	if s.seen(Bucket).buckets[r.Name] == nil {
		return empty(http.StatusNotFound)
	}
	return empty(http.StatusOK)
}

func (s *Store) deleteBucket(r *Request) *Answer {
	b := s.present().buckets[r.Name]
	switch {
	case b == nil:
		return noSuchBucket(r)
	case !b.contents.empty():
		return Refuse(r, http.StatusConflict, "BucketNotEmpty")
	}
	s.write(func(next *state) { delete(next.buckets, r.Name) })
	return empty(http.StatusNoContent)
}

func (s *Store) getBucketTagging(r *Request) *Answer {
	b := s.seen(BucketTags).buckets[r.Name]
	switch {
	case b == nil:
		return noSuchBucket(r)
	case len(b.tags) == 0:
		return Refuse(r, http.StatusNotFound, "NoSuchTagSet")
	}
	return document("Tagging", tagSet{sortedTags(b.tags)})
}

func (s *Store) putBucketTagging(r *Request) *Answer {
	var tagging tagSet
	b := s.present().buckets[r.Name]
	switch {
	case r.decode(&tagging) != nil:
		return malformed(r)
	case b == nil:
		return noSuchBucket(r)
	}
	next := *b
	next.tags = tagMap(tagging.Tags)
	s.putBucket(next)
	return empty(http.StatusNoContent)
}

type versioning struct {
	Status string `xml:",omitempty"`
}

func (s *Store) getBucketVersioning(r *Request) *Answer {
	b := s.seen(Bucket).buckets[r.Name]
	if b == nil {
		return noSuchBucket(r)
	}
	return document("VersioningConfiguration", versioning{b.versioning})
}

func (s *Store) putBucketVersioning(r *Request) *Answer {
	var v versioning
	b := s.present().buckets[r.Name]
	switch {
	case r.decode(&v) != nil:
		return malformed(r)
	case b == nil:
		return noSuchBucket(r)
	}
	next := *b
	next.versioning = v.Status
	s.putBucket(next)
	return empty(http.StatusOK)
}

type xmlBucket struct{ Name, CreationDate string }

type bucketList struct {
	Owner             struct{ ID, DisplayName string }
	Buckets           []xmlBucket `xml:"Buckets>Bucket"`
	ContinuationToken string      `xml:",omitempty"`
	Prefix            string      `xml:",omitempty"`
}

func (s *Store) listBuckets(r *Request) *Answer {
	seen := s.seen(Buckets).buckets
	after, prefix := r.Values.Get("continuation-token"), r.Values.Get("prefix")
	most, err := strconv.Atoi(r.Values.Get("max-buckets"))
	if err != nil {
		most = 10_000
	}
	list := bucketList{Prefix: prefix}
	list.Owner.ID, list.Owner.DisplayName = "owner", "owner"
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		switch {
		case name <= after || !strings.HasPrefix(name, prefix):
		case len(list.Buckets) == most:
			list.ContinuationToken = list.Buckets[most-1].Name
			return document("ListAllMyBucketsResult", list)
		default:
			list.Buckets = append(list.Buckets, xmlBucket{name, seen[name].date})
		}
	}
	return document("ListAllMyBucketsResult", list)
}
