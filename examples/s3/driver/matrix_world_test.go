package driver_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/go-logr/logr"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// world is where cells happen, one after the other: a driver behind a proxy, and a name in the store for its bucket and its
// account.
type world struct {
	gate      *gate
	caller    caller
	health    healthpb.HealthClient
	restart   func() // replaces the driver by one that knows nothing
	admin     administrator
	kind      driver.Kind
	watch     *watch
	log       *lockedBuffer
	name      string
	account   string // the id of the account of that name, as far as a grant has told it
	sealer    *driver.Sealer
	answer    int64             // the longest that the driver reads
	delivered map[string]string // what the last grant gave; nil: nothing
}

// matrixPrefix begins the names of everything that the matrix makes.
const matrixPrefix = "matrix-"

// bounds are those of the driver in most cells, so that a bad answer costs little.
const (
	smallAnswer  = 256 << 10
	longRequest  = 15 * time.Second
	shortRequest = 2 * time.Second
)

// newWorld starts a driver that takes so much of an answer and waits so long for it; 0: as it is.
func newWorld(t *testing.T, store site, answer int64, request time.Duration) *world {
	t.Helper()
	seal := sealKey(t)
	w := &world{
		admin: store.administrator, kind: store.kind, log: &lockedBuffer{}, sealer: sealer(t, seal), answer: answer,
		watch: &watch{constant: []string{store.SecretKey, seal}, store: store},
	}
	w.rename()
	w.serve(t, request)
	w.warm(t)
	return w
}

// serve puts a new driver behind a new proxy.
func (w *world) serve(t *testing.T, request time.Duration) {
	t.Helper()
	g, s := newGate(t, w.watch)
	w.gate = g
	w.passAll()
	s.Sealer = w.sealer
	logger := logr.FromSlogHandler(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.Level(-1)}))
	w.restart = func() {
		conn, _ := start(t, s.Tuned(nil, time.Millisecond).Bounded(w.answer, request), gocosi.WithLogger(logger))
		w.caller, w.health = callerOn(conn), healthpb.NewHealthClient(conn)
	}
	w.restart()
}

// borrow puts another driver in the place of the world's, which does not wait long for an answer and whose proxy may end,
// until it is given back.
func (w *world) borrow(t *testing.T, c cell) (back func()) {
	t.Helper()
	own := *w
	w.serve(t, shortRequest)
	w.gate.s3.Config.SetKeepAlivesEnabled(false) // a connection that is still open could be used
	w.gate.iam.Config.SetKeepAlivesEnabled(false)
	if !c.call.fresh {
		other := *w
		other.rename()
		other.warm(t)
	}
	return func() { w.gate, w.caller, w.health, w.restart = own.gate, own.caller, own.health, own.restart }
}

// warm lets the driver learn of the store what it learns once. A busy store may need longer than a borrowed driver waits.
func (w *world) warm(t *testing.T) {
	t.Helper()
	for try := range mostRepeats + 1 {
		err := w.caller.tryCreate(t.Context(), w.name, nil)
		if err == nil {
			err = w.caller.tryDelete(t.Context(), w.name, nil)
		}
		if err == nil {
			return
		}
		if try == mostRepeats {
			t.Fatal(err)
		}
	}
}

// renew goes on with another name, where the store may be in any state.
func (w *world) renew(ctx context.Context) {
	w.wipe(ctx)
	w.rename()
	w.delivered = nil
}

func (w *world) rename() {
	w.name = matrixPrefix + unique()
	w.account = w.name // until a grant says more, which is as good for a revoke
}

// wipe removes what there is of the name.
func (w *world) wipe(ctx context.Context) {
	w.passAll()
	_ = w.caller.tryRevoke(ctx, w.name, w.account)
	_ = w.caller.tryDelete(ctx, w.name, map[string]string{"emptyOnDelete": "true", "deleteUnowned": "true"})
}

// requests makes a call on a healthy store, and returns what it asks for.
func (w *world) requests(t *testing.T, c sidecarCall) (list []asked) {
	t.Helper()
	if err := c.prepare(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if c.fresh {
		w.restart()
	}
	var mu sync.Mutex
	w.between(func(q seen, rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		list = append(list, asked{q.operation, q.service})
		mu.Unlock()
		q.pass(rw, r)
	})
	if err := first(c.make, c.done)(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	w.passAll()
	return list
}

// asked is a request of a call that meets no fault.
type asked struct {
	operation string
	service   service
}

// userThere says whether there is a user of the name. On Ceph, more may follow it.
func (w *world) userThere(ctx context.Context) bool {
	if w.kind == driver.Ceph {
		users, err := w.admin.cephUsers(ctx)
		return err != nil || slices.ContainsFunc(users, func(id string) bool { return strings.HasPrefix(id, w.name) })
	}
	_, err := w.admin.iam.GetUser(ctx, &iam.GetUserInput{UserName: &w.name})
	return err == nil
}

func (w *world) between(deal func(q seen, rw http.ResponseWriter, r *http.Request)) {
	w.gate.between(deal)
}

func (w *world) passAll() {
	w.between(func(q seen, rw http.ResponseWriter, r *http.Request) { q.pass(rw, r) })
}

// disturb gives a fault to the request with that number and, unless it is to happen once, to all that follow.
func (w *world) disturb(c cell) {
	var count atomic.Int64
	w.between(func(q seen, rw http.ResponseWriter, r *http.Request) {
		n := int(count.Add(1)) - 1
		switch {
		case c.fault.away:
			if n == c.request-1 { // this one is still answered, on a connection that ends with it
				w.hangUp()
			}
			q.pass(rw, r)
		case n < c.request, c.once && n > c.request, !c.fault.concerns(q.operation, q.service):
			q.pass(rw, r)
		case q.operation != c.operation && n == c.request:
			w.watch.note(fmt.Sprintf("request %d is %s", n+1, q.operation))
			q.pass(rw, r)
		default:
			c.fault.give(q, rw, r)
		}
	})
	if c.fault.away && c.request == 0 {
		w.hangUp()
	}
}

// hangUp lets nobody connect any more.
func (w *world) hangUp() {
	_ = w.gate.s3.Listener.Close()
	_ = w.gate.iam.Listener.Close()
}

// reset makes a log empty.
func (b *lockedBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = bytes.Buffer{}
}
