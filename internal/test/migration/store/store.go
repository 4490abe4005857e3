// Package store implements the object store of the two drivers in a folder. It imitates a store with an API of its own:
// each call takes some time and does not know of other calls.
package store

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// The errors of refused calls.
var (
	ErrExists   = errors.New("exists")
	ErrNotFound = errors.New("does not exist")
	ErrNotEmpty = errors.New("is not empty")
	ErrName     = errors.New("is no name: 3 to 128 of a-z, 0-9, dots and dashes")
	ErrDenied   = errors.New("access denied")
)

// roundTrip is the duration of a call.
const roundTrip = 2 * time.Millisecond

// Store keeps buckets and users. It is safe for concurrent use, but a value from one call may be stale when the next
// call writes it.
type Store struct {
	folder string
}

// Key holds one of a user's keys.
type Key struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// User holds an account with its tags, and with its keys in the order of their creation.
type User struct {
	Tags map[string]string `json:"tags"`
	Keys []Key             `json:"keys"`
}

// New opens or creates a store.
func New(folder string) (*Store, error) {
	for _, kind := range []string{"buckets", "users"} {
		if err := os.MkdirAll(filepath.Join(folder, kind), 0o700); err != nil {
			return nil, err
		}
	}
	return &Store{folder: folder}, nil
}

// CreateBucket creates a bucket.
func (s *Store) CreateBucket(name string, tags map[string]string) error {
	folder, err := s.path("buckets", name)
	if err != nil {
		return err
	}
	part := folder + "~" + rand.Text()
	if err := os.Mkdir(part, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(part)
	if err := write(filepath.Join(part, "tags"), tags); err != nil {
		return err
	}
	if err := os.Rename(part, folder); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("bucket %q: %w", name, ErrExists)
	} else if err != nil {
		return err
	}
	return nil
}

// Tags returns the tags of a bucket.
func (s *Store) Tags(bucket string) (tags map[string]string, err error) {
	folder, err := s.path("buckets", bucket)
	if err != nil {
		return nil, err
	}
	return tags, read(filepath.Join(folder, "tags"), &tags)
}

// DeleteBucket removes a bucket that holds no objects.
func (s *Store) DeleteBucket(name string) error {
	folder, err := s.path("buckets", name)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("bucket %q: %w", name, ErrNotFound)
	case err != nil:
		return err
	case slices.ContainsFunc(entries, isObject):
		return fmt.Errorf("bucket %q: %w", name, ErrNotEmpty)
	}
	return os.RemoveAll(folder)
}

func isObject(e os.DirEntry) bool { return filepath.Ext(e.Name()) == ".object" }

// CreateUser creates an account without keys.
func (s *Store) CreateUser(name string, tags map[string]string) error {
	file, err := s.path("users", name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("user %q: %w", name, ErrExists)
	}
	return write(file, User{Tags: tags})
}

// User returns an account.
func (s *Store) User(name string) (u User, err error) {
	file, err := s.path("users", name)
	if err != nil {
		return User{}, err
	}
	return u, read(file, &u)
}

// CreateKey gives an account one more key.
func (s *Store) CreateKey(user string) (Key, error) {
	u, err := s.User(user)
	if err != nil {
		return Key{}, err
	}
	key := Key{ID: rand.Text(), Secret: rand.Text()}
	u.Keys = append(u.Keys, key)
	return key, write(filepath.Join(s.folder, "users", user), u)
}

// DeleteUser removes an account with its keys.
func (s *Store) DeleteUser(name string) error {
	file, err := s.path("users", name)
	if err != nil {
		return err
	}
	if err := os.Remove(file); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("user %q: %w", name, ErrNotFound)
	}
	return nil
}

// Users returns the number of accounts.
func (s *Store) Users() (int, error) {
	files, err := os.ReadDir(filepath.Join(s.folder, "users"))
	return len(files), err
}

// Policy returns what each account may do with a bucket.
func (s *Store) Policy(bucket string) (policy map[string]string, err error) {
	folder, err := s.path("buckets", bucket)
	if err != nil {
		return nil, err
	}
	if _, err := s.Tags(bucket); err != nil {
		return nil, err
	}
	if err := read(filepath.Join(folder, "policy"), &policy); errors.Is(err, ErrNotFound) {
		return map[string]string{}, nil
	} else if err != nil {
		return nil, err
	}
	return policy, nil
}

// SetPolicy replaces the whole policy of a bucket.
func (s *Store) SetPolicy(bucket string, policy map[string]string) error {
	folder, err := s.path("buckets", bucket)
	if err != nil {
		return err
	}
	return write(filepath.Join(folder, "policy"), policy)
}

// Put puts an object with a key.
func (s *Store) Put(key Key, bucket, object, content string) error {
	file, err := s.object(key, bucket, object)
	if err != nil {
		return err
	}
	return write(file, content)
}

// Get returns an object.
func (s *Store) Get(key Key, bucket, object string) (content string, err error) {
	file, err := s.object(key, bucket, object)
	if err != nil {
		return "", err
	}
	return content, read(file, &content)
}

// Remove removes an object.
func (s *Store) Remove(key Key, bucket, object string) error {
	file, err := s.object(key, bucket, object)
	if err != nil {
		return err
	}
	return os.Remove(file)
}

// object returns the file of an object for a key that the bucket's policy allows.
func (s *Store) object(key Key, bucket, object string) (string, error) {
	policy, err := s.Policy(bucket)
	if err != nil {
		return "", err
	}
	for name := range policy {
		if u, err := s.User(name); err == nil && slices.Contains(u.Keys, key) {
			return filepath.Join(s.folder, "buckets", bucket, object+".object"), nil
		}
	}
	return "", fmt.Errorf("key %q: %w", key.ID, ErrDenied)
}

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,126}[a-z0-9]$`)

func (s *Store) path(kind, of string) (string, error) {
	time.Sleep(roundTrip) // takes as long as over a network
	if !name.MatchString(of) {
		return "", fmt.Errorf("%.200q %w", of, ErrName)
	}
	return filepath.Join(s.folder, kind, of), nil
}

func read(file string, into any) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%q: %w", filepath.Base(file), ErrNotFound)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// write replaces a file atomically, so that another call reads either the old or the new content.
func write(file string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	part := file + "~" + rand.Text()
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, file)
}
