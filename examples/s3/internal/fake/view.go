package fake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// UserView is what a user has at present.
type UserView struct {
	Path     string
	Tags     map[string]string
	Keys     []string          // their ids
	Policies map[string]string // texts by name
}

// BucketView is what a bucket has at present.
type BucketView struct {
	Tags       map[string]string
	Versioning bool
	Versions   int // of all objects, delete markers included
	Uploads    int
}

// Requests returns how many requests the store acted on.
func (s *Store) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Writes returns how many writes changed what a read can show late. It never passes a bound of what is remembered.
func (s *Store) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.history) - 1
}

// Secrets returns every secret that the store ever made.
func (s *Store) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.secrets)
}

// UserNames returns the names of all users, sorted.
func (s *Store) UserNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.present().users))
}

// BucketNames returns the names of all buckets, sorted.
func (s *Store) BucketNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.present().buckets))
}

// User returns what a user has, and whether there is one of that name.
func (s *Store) User(name string) (UserView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.present().users[name]
	if u == nil {
		return UserView{}, false
	}
	v := UserView{Path: u.path, Tags: maps.Clone(u.tags), Policies: maps.Clone(u.policies)}
	for _, k := range u.keys {
		v.Keys = append(v.Keys, k.id)
	}
	return v, true
}

// Bucket returns what a bucket has, and whether there is one of that name.
func (s *Store) Bucket(name string) (BucketView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.present().buckets[name]
	if b == nil {
		return BucketView{}, false
	}
	v := BucketView{Tags: maps.Clone(b.tags), Versioning: b.versioning == enabled, Uploads: len(b.contents.uploads)}
	for _, versions := range b.contents.versions {
		v.Versions += len(versions)
	}
	return v, true
}

// Owner returns the name of the user that has a key with this secret; "" if none has.
func (s *Store) Owner(id, secret string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.present().users {
		if slices.ContainsFunc(u.keys, func(k accessKey) bool { return k.id == id && k.secret == secret }) {
			return u.name
		}
	}
	return ""
}

// May says whether a key allows an action, such as s3:PutObject, on a resource, an ARN.
func (s *Store) May(id, action, resource string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.present().users {
		if slices.ContainsFunc(u.keys, func(k accessKey) bool { return k.id == id }) {
			return s.userMay(u, action, resource)
		}
	}
	return false
}

func (s *Store) userMay(u *user, action, resource string) bool {
	for _, text := range u.policies {
		if s.parsed(text).allows(action, resource) {
			return true
		}
	}
	return false
}

// MakeUser makes a user as an administrator does, with one key and with a policy if its text is not "", and returns the
// key's id.
func (s *Store) MakeUser(name, path string, tags map[string]string, policy string) (keyID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := accessKey{id: "AKIA" + s.text(upper, 16), secret: s.text(anything, 40), date: s.now()}
	u := user{name: name, path: path, id: "AIDA" + s.text(upper, 16), date: s.now(), tags: tags, keys: []accessKey{k}}
	if policy != "" {
		u.policies = map[string]string{"own": policy}
	}
	s.secrets = append(s.secrets, k.secret)
	s.putUser(u)
	return k.id
}

// MakeBucket makes a bucket as an administrator does.
func (s *Store) MakeBucket(name string, tags map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeBucket(name, tags)
}

// DropBucket deletes a bucket with all that is in it, as an administrator does.
func (s *Store) DropBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(func(next *state) { delete(next.buckets, name) })
}

// Put puts an object into a bucket, or a new version of it, and returns the version's id; "" if there is no such bucket.
func (s *Store) Put(name, key string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.present().buckets[name]
	if b == nil {
		return ""
	}
	return b.contents.add(key, b.versioning == enabled, false)
}

// Clear deletes all that is in a bucket, as an administrator does.
func (s *Store) Clear(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.present().buckets[name]; b != nil {
		*b.contents = *newContents()
	}
}

// Upload begins an upload in parts that nobody ends.
func (s *Store) Upload(name, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.present().buckets[name]; b != nil {
		b.contents.made++
		b.contents.uploads = append(b.contents.uploads, upload{key, fmt.Sprintf("u%09d", b.contents.made)})
		sortUploads(b.contents.uploads)
	}
}

// Protect makes the deletion of an object answer a code; "" ends that.
func (s *Store) Protect(name, key, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.present().buckets[name]; b != nil {
		b.contents.refused[key] = code
	}
}

// String tells what the store holds, without secrets.
func (s *Store) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	now := s.present()
	for _, name := range slices.Sorted(maps.Keys(now.buckets)) {
		b := now.buckets[name]
		lines = append(lines, fmt.Sprintf("bucket %s, %d objects, versioning %q, tags %v", name, len(b.contents.versions), b.versioning, b.tags))
	}
	for _, name := range slices.Sorted(maps.Keys(now.users)) {
		lines = append(lines, now.users[name].String())
	}
	return strings.Join(lines, "\n")
}
