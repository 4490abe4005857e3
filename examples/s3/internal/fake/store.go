// Package fake keeps an object store in memory that speaks S3 and IAM as far as the driver asks it to, for tests. Writes
// are judged on what is there; reads may lag, requests may fail, and nothing depends on time or chance.
package fake

import (
	"math/rand/v2"
	"net/http"
	"sync"
)

// Store answers the requests of AWS's clients for S3 (path style) and IAM, as an aws.HTTPClient or an http.Handler. The
// exported fields are set before the first request, or between two requests. Safe for concurrent use, as far as the hooks
// are.
type Store struct {
	// Before answers a request before the store acts; nil: the store acts.
	Before func(*Request) *Answer
	// After replaces the answer to a request on which the store acted; nil: the answer stays.
	After func(*Request, *Answer) *Answer
	// Age says how many writes old the state is that the next read of a kind answers from; nil, or less than none: Lags
	// say it. It must not call the store.
	Age func(Kind) int
	// Lags holds how late the reads of each kind are.
	Lags Lags
	// Drops says what the store accepts and forgets.
	Drops Drops
	// Again makes the creation of a bucket that exists a success, as AWS does in us-east-1.
	Again bool
	// Names gives each answer of S3 that the store makes a request id.
	Names bool

	mu       sync.Mutex
	chance   *rand.Rand
	history  []*state // the last one is the present
	reads    [kinds]int
	made     int // how many things were made: their time and number
	requests int
	secrets  []string
	policies map[string]*policy // by their text
}

// Drops says which parts of a successful request a store forgets.
type Drops struct {
	Tags bool // of CreateBucket and CreateUser
	Path bool // of CreateUser
}

// New returns an empty store. The ids and secrets that it makes follow from the seed.
func New(seed uint64) *Store {
	return &Store{
		chance:   rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // secrets of a fake
		history:  []*state{{users: map[string]*user{}, buckets: map[string]*bucket{}}},
		policies: map[string]*policy{},
	}
}

// Do answers a request like an HTTP client that reaches the store.
func (s *Store) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	request, err := read(r)
	if err != nil {
		return nil, err
	}
	a := s.Answer(request)
	if a.Err != nil {
		return nil, a.Err
	}
	return a.response(r), nil
}

// ServeHTTP answers a request as a server.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := read(r)
	if err != nil {
		http.Error(w, "unreadable request", http.StatusBadRequest)
		return
	}
	s.Answer(request).write(w)
}

// Answer answers a request, and lets the hooks interfere.
func (s *Store) Answer(r *Request) *Answer {
	if s.Before != nil {
		if a := s.Before(r); a != nil {
			return a
		}
	}
	a := s.act(r)
	if s.Names && !r.IAM() {
		a.Header.Set("X-Amz-Request-Id", requestID)
	}
	if s.After != nil {
		if other := s.After(r, a); other != nil {
			return other
		}
	}
	return a
}

func (s *Store) act(r *Request) *Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	act, known := s.operations()[r.Operation]
	if !known {
		return Refuse(r, http.StatusNotImplemented, "NotImplemented")
	}
	return act(r)
}

func (s *Store) operations() map[string]func(*Request) *Answer {
	return map[string]func(*Request) *Answer{
		"CreateUser": s.createUser, "GetUser": s.getUser, "ListUsers": s.listUsers, "DeleteUser": s.deleteUser,
		"TagUser": s.tagUser, "UntagUser": s.untagUser, "ListUserTags": s.listUserTags,
		"CreateAccessKey": s.createAccessKey, "ListAccessKeys": s.listAccessKeys, "DeleteAccessKey": s.deleteAccessKey,
		"PutUserPolicy": s.putUserPolicy, "GetUserPolicy": s.getUserPolicy,
		"ListUserPolicies": s.listUserPolicies, "DeleteUserPolicy": s.deleteUserPolicy,

		"ListBuckets": s.listBuckets, "CreateBucket": s.createBucket, "HeadBucket": s.headBucket, "DeleteBucket": s.deleteBucket,
		"GetBucketTagging": s.getBucketTagging, "PutBucketTagging": s.putBucketTagging,
		"GetBucketVersioning": s.getBucketVersioning, "PutBucketVersioning": s.putBucketVersioning,
		"ListObjectVersions": s.listObjectVersions, "DeleteObjects": s.deleteObjects, "DeleteObject": s.deleteObject,
		"ListMultipartUploads": s.listMultipartUploads, "AbortMultipartUpload": s.abortMultipartUpload,
	}
}

const (
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	anything = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
)

// text returns characters by chance.
func (s *Store) text(alphabet string, length int) string {
	b := make([]byte, length)
	for i := range b {
		b[i] = alphabet[s.chance.IntN(len(alphabet))]
	}
	return string(b)
}
