package election_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lease is a Lease at an API server, which answers within some milliseconds.
type lease struct {
	mu      sync.Mutex
	record  *resourcelock.LeaderElectionRecord
	version int
}

// by returns the lease as the sidecar in a pod sees it.
func (l *lease) by(pod string) *lock { return &lock{lease: l, pod: pod, isGone: make(chan struct{})} }

// lock implements resourcelock.Interface.
type lock struct {
	lease  *lease
	pod    string
	seen   int // the version that an update is based on
	once   sync.Once
	isGone chan struct{}

	patience time.Duration // set once isGone is closed
}

var (
	_            resourcelock.Interface = &lock{}
	leases                              = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	errOtherSeen                        = kubeerrors.NewConflict(leases, "s3.example.com", errors.New("it has changed"))
)

// cut lets no request reach the API server any more. Each fails when the client has had enough of it.
func (l *lock) cut(patience time.Duration) {
	l.once.Do(func() {
		l.patience = patience
		close(l.isGone)
	})
}

func (l *lock) isCut() bool {
	select {
	case <-l.isGone:
		return true
	default:
		return false
	}
}

// request does something at the API server, unless nothing reaches it.
func (l *lock) request(ctx context.Context, do func() error) error {
	time.Sleep(rand.N(50 * time.Millisecond))
	if l.isCut() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(l.patience):
			return errors.New("the API server cannot be reached")
		}
	}
	l.lease.mu.Lock()
	defer l.lease.mu.Unlock()
	return do()
}

// Get implements resourcelock.Interface.
func (l *lock) Get(ctx context.Context) (record *resourcelock.LeaderElectionRecord, raw []byte, err error) {
	err = l.request(ctx, func() error {
		if l.lease.record == nil {
			return kubeerrors.NewNotFound(leases, "s3.example.com")
		}
		copied := *l.lease.record
		record, l.seen = &copied, l.lease.version
		raw, err = json.Marshal(copied)
		return err
	})
	return record, raw, err
}

// Create implements resourcelock.Interface.
func (l *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.request(ctx, func() error {
		if l.lease.record != nil {
			return kubeerrors.NewAlreadyExists(leases, "s3.example.com")
		}
		return l.set(record)
	})
}

// Update implements resourcelock.Interface.
func (l *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.request(ctx, func() error {
		if l.seen != l.lease.version {
			return errOtherSeen
		}
		return l.set(record)
	})
}

func (l *lock) set(record resourcelock.LeaderElectionRecord) error {
	l.lease.version++
	l.lease.record, l.seen = &record, l.lease.version
	return nil
}

// RecordEvent implements resourcelock.Interface.
func (*lock) RecordEvent(string) {}

// Identity implements resourcelock.Interface: the released sidecar gives the name of its host, which is that of its pod.
func (l *lock) Identity() string { return l.pod }

// Describe implements resourcelock.Interface.
func (*lock) Describe() string { return "lease" }
