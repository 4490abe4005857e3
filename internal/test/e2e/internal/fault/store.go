package fault

import (
	"encoding/json"
	"os"
	"syscall"
)

// Store keeps the buckets of the fault driver in a file, because a store outlives its drivers and two drivers may use
// it at once.
type Store struct {
	Path string
}

// Buckets maps the name of each bucket to the accounts with access and their secret keys.
type Buckets map[string]map[string]string

// Look returns the stored buckets.
func (s Store) Look() (Buckets, error) {
	text, err := os.ReadFile(s.Path)
	if os.IsNotExist(err) {
		return Buckets{}, nil
	}
	if err != nil {
		return nil, err
	}
	buckets := Buckets{}
	return buckets, json.Unmarshal(text, &buckets)
}

// Change changes the stored buckets under a lock.
func (s Store) Change(change func(Buckets)) error {
	lock, err := os.OpenFile(s.Path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	buckets, err := s.Look()
	if err != nil {
		return err
	}
	change(buckets)
	text, err := json.Marshal(buckets)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.Path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(s.Path+".new", s.Path)
}
