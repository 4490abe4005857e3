package driver_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/examples/s3/internal/fake"
)

// life is the life of one bucket and its accounts, on a store of its own.
type life struct {
	seed    uint64
	chance  *rand.Rand
	store   *fake.Store
	sealKey string
	plan    plan
	trouble trouble

	leader *simulated // the driver that the sidecar's calls go to
	calls  []*call    // those that are not answered
	events chan *call
	acting *call // whose request the store deals with
	last   *call // that went on

	hindered string // an object that the store refuses to delete

	bucket   *bucketState
	accounts []*accountState

	steps []string
	wrong string // the first promise that was broken
	tally tally
}

// plan is what the seed decides for the whole life.
type plan struct {
	drops                     bool // the store forgets tags and paths
	later                     bool // a bucket is tagged by a request of its own
	entered                   bool // an administrator made the bucket
	versioning, emptyOnDelete bool
	objects                   int
	deleteFirst               bool // the bucket goes before the accounts
}

type bucketState struct {
	name                    string
	made, deleting, deleted bool
}

type accountState struct {
	name, access string
	delivered    map[string]string // secrets by the ids of keys
	last         string            // id
	wokeOld      bool              // an old leader worked on it
	revoking     bool
	revoked      bool
}

func newLife(seed uint64) *life {
	l := &life{
		seed: seed, chance: rand.New(rand.NewPCG(seed, 1)), store: fake.New(seed),
		events: make(chan *call), bucket: &bucketState{name: "bucket"},
	}
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(l.chance.Uint32())
	}
	l.sealKey = base64.StdEncoding.EncodeToString(key)
	l.plan = plan{
		drops: l.maybe(0.06), later: l.maybe(0.2), entered: l.maybe(0.1), versioning: l.maybe(0.3), emptyOnDelete: l.maybe(0.4), deleteFirst: l.maybe(0.1),
	}
	if l.maybe(0.5) {
		l.plan.objects = l.chance.IntN(6)
	}
	l.store.Names = l.maybe(0.5)
	l.store.Again = l.maybe(0.2) && !l.plan.drops // see "Limits" in README.md
	if l.plan.drops {
		l.store.Drops = fake.Drops{Tags: true, Path: true}
		l.tally.droppers = 1
	}
	l.store.Before, l.store.After, l.store.Age = l.before, l.after, l.age
	for i := range 1 + l.chance.IntN(4) {
		l.accounts = append(l.accounts, &accountState{
			name: fmt.Sprintf("account-%d", i+1), access: []string{"readwrite", "readonly", "writeonly"}[l.chance.IntN(3)], delivered: map[string]string{},
		})
	}
	l.elect()
	return l
}

func (l *life) maybe(p float64) bool { return l.chance.Float64() < p }

// live lives the life in the sidecar's order, until something is wrong.
func (l *life) live() {
	l.begin()
	for l.wrong == "" {
		if l.plan.deleteFirst && !l.bucket.deleting && l.maybe(0.2) {
			l.end()
			continue
		}
		first, ok := l.next()
		if !ok {
			break
		}
		ops := []*op{first}
		if l.maybe(0.25) {
			if second, ok := l.next(); ok && second.about != first.about {
				ops = append(ops, second)
			}
		}
		l.phase(ops...)
	}
	if !l.bucket.deleting {
		l.end()
	}
	l.leftOver()
}

// begin makes the bucket, or has an administrator make it.
func (l *life) begin() {
	if l.plan.drops && !l.plan.later {
		l.phase(l.createOnDropper())
		l.plan.entered = true
	}
	if l.plan.entered {
		l.store.MakeBucket(l.bucket.name, nil)
		l.bucket.made = true
	} else {
		l.phase(l.create())
	}
	for range l.plan.objects {
		l.putSomething()
	}
}

// next chooses what is asked for next; false: nothing is left to do but to delete the bucket.
func (l *life) next() (*op, bool) {
	var open []*accountState
	for _, a := range l.accounts {
		if !a.revoked {
			open = append(open, a)
		}
	}
	if len(open) == 0 {
		return nil, false
	}
	a := open[l.chance.IntN(len(open))]
	switch {
	case len(a.delivered) == 0 && !l.bucket.deleting:
		return l.grant(a), true
	case len(a.delivered) == 0:
		return l.revoke(a), true // of a grant that was never asked for
	case l.maybe(0.3) && !l.bucket.deleting:
		return l.grant(a), true
	case l.maybe(0.2) && !l.bucket.deleting && !l.plan.entered:
		return l.create(), true
	}
	return l.revoke(a), true
}

func (l *life) putSomething() {
	key := fmt.Sprintf("object %d", l.chance.IntN(4))
	switch l.chance.IntN(6) {
	case 0:
		l.store.Upload(l.bucket.name, key)
	case 1:
		key += "\x01"
		fallthrough
	default:
		l.store.Put(l.bucket.name, key)
	}
}

// end deletes the bucket. One with objects stays unless the class lets them be deleted.
func (l *life) end() {
	if l.wrong != "" {
		return
	}
	if b, _ := l.store.Bucket(l.bucket.name); !l.plan.emptyOnDelete && b.Versions+b.Uploads > 0 {
		l.phase(l.deleteFull())
		l.store.Clear(l.bucket.name)
	}
	l.bucket.deleting = true
	l.phase(l.delete())
}

func (l *life) leftOver() {
	if users, buckets := l.store.UserNames(), l.store.BucketNames(); len(users)+len(buckets) > 0 {
		l.fail("left over are %v and %v", users, buckets)
	}
}

// op is what the sidecar asks for, until it is answered.
type op struct {
	name     string
	about    any // an account, or the bucket
	call     func(context.Context, cosi.ProvisionerServer) (any, error)
	succeeds func(c *call, answer any) // not called if wants is not OK
	wants    codes.Code                // the final answer
	words    string                    // in the final answer
	done     bool
	tries    int
	healthy  int // tries since the store has been healthy
	change   func()
}

func (l *life) parameters() map[string]string {
	m := map[string]string{}
	if l.plan.versioning {
		m["versioning"] = "true"
	}
	if l.plan.emptyOnDelete {
		m["emptyOnDelete"] = "true"
	}
	return m
}

func (l *life) create() *op {
	return &op{name: "create", about: l.bucket, succeeds: func(*call, any) { l.bucket.made = true }, call: l.callCreate}
}

func (l *life) callCreate(ctx context.Context, p cosi.ProvisionerServer) (any, error) {
	return p.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: l.bucket.name, Parameters: l.parameters()})
}

func (l *life) createOnDropper() *op {
	return &op{name: "create", about: l.bucket, call: l.callCreate, wants: codes.FailedPrecondition, words: "drops its tags"}
}

func (l *life) delete() *op {
	return &op{name: "delete", about: l.bucket, call: l.callDelete, succeeds: func(*call, any) { l.bucket.deleted = true }}
}

func (l *life) deleteFull() *op {
	return &op{name: "delete", about: l.bucket, call: l.callDelete, wants: codes.FailedPrecondition, words: "not empty"}
}

func (l *life) callDelete(ctx context.Context, p cosi.ProvisionerServer) (any, error) {
	parameters := l.parameters()
	if l.plan.entered {
		parameters["deleteUnowned"] = "true"
	}
	return p.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: l.bucket.name, DeleteContext: parameters})
}

func (l *life) grant(a *accountState) *op {
	return &op{
		name: "grant " + a.name, about: a,
		call: func(ctx context.Context, p cosi.ProvisionerServer) (any, error) {
			return p.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
				BucketId: l.bucket.name, Name: a.name, AuthenticationType: cosi.AuthenticationType_Key,
				Parameters: map[string]string{"access": a.access},
			})
		},
		succeeds: func(c *call, answer any) { l.delivered(c, a, answer.(*cosi.DriverGrantBucketAccessResponse)) },
	}
}

func (l *life) revoke(a *accountState) *op {
	return &op{
		name: "revoke " + a.name, about: a, change: func() { a.revoking = true },
		call: func(ctx context.Context, p cosi.ProvisionerServer) (any, error) {
			return p.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: l.bucket.name, AccountId: a.name})
		},
		succeeds: func(*call, any) { a.revoked = true; l.tally.revokes++ },
	}
}

// story tells every step of the life.
func (l *life) story() string {
	return fmt.Sprintf("%+v %+v\n", l.plan, l.trouble) + strings.Join(l.steps, "\n")
}

func (l *life) tell(format string, args ...any) {
	l.steps = append(l.steps, fmt.Sprintf(format, args...))
}

// fail ends the life with what is wrong.
func (l *life) fail(format string, args ...any) {
	if l.wrong == "" {
		l.wrong = fmt.Sprintf(format, args...)
		l.tally.wrong = 1
		l.tell("WRONG: %s", l.wrong)
	}
}

// settings are those of a driver whose requests go through a client.
func (l *life) settings(p *simulated) driver.Settings {
	sealer, err := driver.NewSealer(l.sealKey)
	if err != nil {
		panic(err)
	}
	s := driver.Settings{
		Endpoint: "https://s3.store", IAMEndpoint: "https://iam.store", ClientEndpoint: "https://s3.store", Region: "us-east-1",
		AccessKey: "AKIADRIVER", SecretKey: ownSecret, Owner: driver.Name, Sealer: sealer, NoCreationTags: l.plan.later,
	}
	return s.Tuned(p, time.Microsecond).Bounded(0, time.Hour) // a call may sleep
}

const ownSecret = "the-secret-of-the-driver-itself-0123456789"
