// Package provisioner has a Backend that a story puts into a scaffold, as an author puts his own there. Several drivers may use its
// store at once: a file, in the form that the stories read.
package provisioner

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/doomshrine/gocosi"
)

// Shared is a Backend whose buckets and accounts are in a file.
type Shared struct {
	store, calls, pod string
}

// NewShared returns a Backend with the store, the log of calls and the pod that the environment names.
func NewShared() *Shared {
	return &Shared{store: os.Getenv("E2E_STORE"), calls: os.Getenv("E2E_CALLS"), pod: os.Getenv("E2E_POD")}
}

// BucketID implements Backend.
func (*Shared) BucketID(name string) string { return name }

// CreateBucket implements Backend. It takes as long as a real store may.
func (s *Shared) CreateBucket(ctx context.Context, bucketID string, parameters map[string]string) (Location, error) {
	if err := s.note("DriverCreateBucket", bucketID); err != nil {
		return Location{}, err
	}
	select {
	case <-ctx.Done():
		return Location{}, ctx.Err()
	case <-time.After(400 * time.Millisecond):
	}
	return location(parameters), s.change(func(b buckets) error {
		if b[bucketID] == nil {
			b[bucketID] = map[string]string{}
		}
		return nil
	})
}

// DeleteBucket implements Backend.
func (s *Shared) DeleteBucket(_ context.Context, bucketID string) error {
	return errors.Join(s.note("DriverDeleteBucket", bucketID), s.change(func(b buckets) error {
		delete(b, bucketID)
		return nil
	}))
}

// Grant implements Backend. The key is made once, under the lock, and a repeat finds it.
func (s *Shared) Grant(_ context.Context, bucketID, accountID string, parameters map[string]string) (gocosi.S3Credentials, error) {
	at := location(parameters)
	c := gocosi.S3Credentials{Endpoint: at.Endpoint, Region: at.Region, AccessKeyID: accountID}
	return c, errors.Join(s.note("DriverGrantBucketAccess", bucketID), s.change(func(b buckets) error {
		accounts, ok := b[bucketID]
		if !ok {
			return ErrNotFound
		}
		accounts[accountID] = cmp.Or(accounts[accountID], rand.Text())
		c.AccessSecretKey = accounts[accountID]
		return nil
	}))
}

// Revoke implements Backend.
func (s *Shared) Revoke(_ context.Context, bucketID, accountID string) error {
	return errors.Join(s.note("DriverRevokeBucketAccess", bucketID), s.change(func(b buckets) error {
		delete(b[bucketID], accountID)
		return nil
	}))
}

func location(parameters map[string]string) Location {
	return Location{Region: cmp.Or(parameters["region"], "us-east-1"), Endpoint: "https://s3.example.com"}
}

// buckets maps the name of each bucket to its accounts and their keys.
type buckets map[string]map[string]string

// change changes the store under a lock that other processes obey.
func (s *Shared) change(change func(buckets) error) error {
	lock, err := os.OpenFile(s.store+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	b, err := s.look()
	if err != nil {
		return err
	}
	if err := change(b); err != nil {
		return err
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.store+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(s.store+".new", s.store)
}

func (s *Shared) look() (buckets, error) {
	b := buckets{}
	text, err := os.ReadFile(s.store)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	return b, json.Unmarshal(text, &b)
}

// note records a call with a single write.
func (s *Shared) note(method, bucket string) error {
	text, err := json.Marshal(map[string]any{"method": method, "bucket": bucket, "pod": s.pod, "pid": os.Getpid(), "at": time.Now()})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.calls, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(text, '\n'))
	return err
}
