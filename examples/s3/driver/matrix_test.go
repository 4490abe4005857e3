package driver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// TestFaultMatrix gives every fault to every request of every call, once and from there on, and then leaves the store alone:
// the answer is what the rules say, nothing of a secret is told, what was delivered goes on, what was revoked does not, and
// the repeat of the call brings the store where it should be. What the driver answers stands in FAULTS.md.
func TestFaultMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("-short was given, and this takes minutes")
	}
	m := newMatrix(t, gatewaySite(embedded))
	m.run(t)
	if m.whole() && (*update || !t.Failed()) {
		m.compare(t)
	}
}

// run runs all cells.
func (m *matrix) run(t *testing.T) {
	t.Helper()
	t.Run("cells", func(t *testing.T) {
		for n, c := range calls(m.store.kind) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				m.call(t, n, c)
			})
		}
	})
	if n := m.asked.Load(); n > 0 {
		t.Errorf("the driver followed %d redirects to another host", n)
	}
	buckets, users, err := m.store.administrator.everything(t.Context(), matrixPrefix)
	if err != nil || len(buckets)+len(users) > 0 {
		t.Errorf("left over are the buckets %v and the users %v (%v)", buckets, users, err)
	}
	t.Logf("%d cells, %d wrong", m.count.Load(), m.wrong.Load())
}

// matrix collects what came out.
type matrix struct {
	store        site
	picks        func(f matrixFault, call, request int, once bool) bool
	elsewhere    *httptest.Server
	asked        atomic.Int64 // what came to the other host
	count, wrong atomic.Int64
	mu           sync.Mutex
	outcomes     map[string]string // by cell
	columns      map[string][]asked
}

func newMatrix(t *testing.T, store site) *matrix {
	t.Helper()
	m := &matrix{
		store: store, outcomes: map[string]string{}, columns: map[string][]asked{},
		picks: func(matrixFault, int, int, bool) bool { return true },
	}
	m.elsewhere = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { m.asked.Add(1) }))
	t.Cleanup(m.elsewhere.Close)
	packed() // which takes long with the race detector
	return m
}

// call runs all cells of a call.
func (m *matrix) call(t *testing.T, number int, c sidecarCall) {
	t.Helper()
	requests := m.requests(t, c)
	for n, q := range requests {
		t.Run(fmt.Sprintf("%d %s", n+1, q.operation), func(t *testing.T) {
			t.Parallel()
			m.group(t, number, c, n, q)
		})
	}
	t.Run("slow answers", func(t *testing.T) {
		t.Parallel()
		m.slow(t, number, c, requests)
	})
	if !m.lags(c) {
		return
	}
	t.Run("reads that lag", func(t *testing.T) {
		t.Parallel()
		m.lagging(t, c)
	})
}

// lags says whether a call may meet reads that lag. A check reads what it looks at, and nothing that was written; on Ceph, what
// was written shows at once.
func (m *matrix) lags(c sidecarCall) bool { return !c.check && m.store.kind != driver.Ceph }

// faults lists those that the store may have.
func (m *matrix) faults() []matrixFault { return matrixFaults(m.store.kind, m.elsewhere.URL) }

// world returns one for the cells of a call.
func (m *matrix) world(t *testing.T, c sidecarCall) *world {
	t.Helper()
	store := m.store
	store.nameless = c.nameless
	return newWorld(t, store, smallAnswer, longRequest)
}

// requests returns what a call asks of a healthy store.
func (m *matrix) requests(t *testing.T, c sidecarCall) []asked {
	t.Helper()
	w := m.world(t, c)
	defer w.wipe(context.WithoutCancel(t.Context()))
	list := w.requests(t, c)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.columns[c.name] = list
	return list
}

// picked thins the cells out for the race detector, under which all of them take an hour.
func picked(n int) bool { return !raced.On || n%16 == 0 }

// group gives all faults to one request of a call.
func (m *matrix) group(t *testing.T, number int, c sidecarCall, n int, q asked) {
	t.Helper()
	w := m.world(t, c)
	defer w.wipe(context.WithoutCancel(t.Context()))
	for i, f := range m.faults() {
		for _, once := range f.modes() {
			if !f.meets(c, q) || f.slow || !picked(i+n) || !m.picks(f, number, n, once) {
				continue
			}
			m.cell(t, w, cell{call: c, request: n, operation: q.operation, fault: f, once: once})
		}
	}
}

// slow gives the faults that take long to all requests of a call at once.
func (m *matrix) slow(t *testing.T, number int, c sidecarCall, requests []asked) {
	t.Helper()
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for n, q := range requests {
		for _, f := range m.faults() {
			if !f.slow || !f.meets(c, q) || !m.picks(f, number, n, false) {
				continue
			}
			w := m.world(t, c)
			waiting.Go(func() {
				defer w.wipe(context.WithoutCancel(t.Context()))
				m.cell(t, w, cell{call: c, request: n, operation: q.operation, fault: f})
			})
		}
	}
}

// callTime is more than a call may take whose pauses are short.
const callTime = 20 * time.Second

// cell makes the call in its cell.
func (m *matrix) cell(t *testing.T, w *world, c cell) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*callTime)
	defer cancel()
	w.watch.forget()
	w.passAll()
	if err := c.call.prepare(ctx, w); err != nil {
		m.report(t, c.String(), []string{"cannot be prepared: " + err.Error()})
		w.renew(ctx)
		return
	}
	before, back := w.delivered, func() {}
	switch {
	case c.fault.away, c.fault.slow:
		back = w.borrow(t, c)
		if c.call.knows {
			if err := granting(ctx, w); err != nil {
				t.Errorf("%s: cannot be prepared: %v", c, err)
			}
		}
	case c.call.fresh:
		w.restart()
	}
	w.log.reset()
	w.watch.tries()
	w.disturb(c)
	err := c.call.make(ctx, w)
	tries, wrong := w.watch.tries()
	back()
	w.passAll()
	m.record(c.key(), err)
	if text := judge(rule(c), err); text != "" {
		wrong = append(wrong, text)
	}
	wrong = append(wrong, m.after(ctx, w, c.call, before, err, tries, mostRepeats)...)
	m.report(t, c.String(), wrong)
	if len(wrong) > 0 {
		w.renew(ctx)
	}
}

// report fails the test for a cell, if something is wrong with it.
func (m *matrix) report(t *testing.T, cell string, wrong []string) {
	t.Helper()
	if len(wrong) > 0 {
		m.wrong.Add(1)
		t.Errorf("%s:\n\t%s", cell, strings.Join(wrong, "\n\t"))
	}
}

// The most requests that a call may make when a fault stays, and the most repeats that may be needed afterwards.
const (
	mostTries   = 120
	mostRepeats = 4
)

// after returns what is wrong after the call, and after its repeats.
func (m *matrix) after(ctx context.Context, w *world, c sidecarCall, before map[string]string, err error, tries []string, repeats int) (faults []string) {
	wrong := func(what string, args ...any) { faults = append(faults, fmt.Sprintf(what, args...)) }
	message := status.Convert(err).Message()
	for place, text := range map[string]string{"message": message, "log": w.log.String()} {
		if secret, ok := w.watch.found(text); ok {
			wrong("the %s holds a secret that begins with %q: %.600q", place, secret[:4], text)
		}
	}
	if c.emptied && strings.Contains(message, "emptyOnDelete") {
		wrong("the message advises what is set: %q", message)
	}
	if len(tries) > mostTries {
		wrong("the call made %d requests", len(tries))
	}
	if err == nil { // its repeat is a call of its own
		if err := c.done(ctx, w); err != nil {
			wrong("after an answer of OK: %v", err)
		}
		return faults
	}
	if w.delivered = before; c.kept != nil {
		if err := c.kept(ctx, w); err != nil {
			wrong("after the failure: %v", err)
		}
	}
	for err = c.make(ctx, w); err != nil && repeats > 0; err = c.make(ctx, w) {
		repeats--
	}
	if err == nil {
		err = c.done(ctx, w)
	}
	if err != nil {
		wrong("after the repeat: %v", err)
	}
	return faults
}
