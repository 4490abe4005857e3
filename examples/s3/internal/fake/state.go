package fake

import "maps"

// Kind is a kind of record that a read can show late.
type Kind int

// The kinds of reads, by what they show.
const (
	Users      Kind = iota // ListUsers
	User                   // GetUser and ListUserTags
	Keys                   // ListAccessKeys
	Policies               // GetUserPolicy and ListUserPolicies
	Buckets                // ListBuckets
	BucketTags             // GetBucketTagging
	Bucket                 // HeadBucket and GetBucketVersioning
)

const kinds = int(Bucket) + 1

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Users, User, Keys, Policies, Buckets, BucketTags, Bucket} }

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"users", "user", "keys", "policies", "buckets", "bucket tags", "bucket"}[k]
}

// Lag says how late the reads of a kind are. The zero value is not late.
type Lag struct {
	Writes int // a read shows the state before the last so many writes
	Reads  int // the first so many reads of the kind after a write do not show that write
}

// Lags holds the lag of each kind.
type Lags [kinds]Lag

// state is what the store holds at one moment. It does not change, but for the contents of buckets.
type state struct {
	users   map[string]*user
	buckets map[string]*bucket
	reads   [kinds]int // of each kind, before it came to be
}

// user does not change.
type user struct {
	name, path, id, date string
	tags                 map[string]string
	keys                 []accessKey
	policies             map[string]string
}

type accessKey struct{ id, secret, date string }

// bucket does not change, but for its contents.
type bucket struct {
	name, date, versioning string
	tags                   map[string]string
	contents               *contents
}

// remembered is how many writes back a read can reach.
const remembered = 200

func (s *Store) present() *state { return s.history[len(s.history)-1] }

// write makes the next state.
func (s *Store) write(change func(*state)) {
	now := s.present()
	next := &state{users: maps.Clone(now.users), buckets: maps.Clone(now.buckets), reads: s.reads}
	change(next)
	if len(s.history) == 2*remembered {
		s.history = append(s.history[:0], s.history[remembered:]...)
	}
	s.history = append(s.history, next)
}

func (s *Store) putUser(u user) { s.write(func(next *state) { next.users[u.name] = &u }) }

func (s *Store) putBucket(b bucket) { s.write(func(next *state) { next.buckets[b.name] = &b }) }

// seen returns the state from which a read of a kind answers.
func (s *Store) seen(k Kind) *state {
	age := -1
	if s.Age != nil {
		age = s.Age(k)
	}
	if age < 0 {
		age = s.unseen(k)
	}
	s.reads[k]++
	return s.history[max(0, len(s.history)-1-age)]
}

// unseen returns how many of the last writes a read of a kind does not show.
func (s *Store) unseen(k Kind) int {
	lag := s.Lags[k]
	count := 0
	for i := len(s.history) - 1; i > 0 && s.reads[k]-s.history[i].reads[k] < lag.Reads; i-- {
		count++
	}
	return max(count, lag.Writes)
}
