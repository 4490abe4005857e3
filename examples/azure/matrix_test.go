package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var update = flag.Bool("update", false, "write FAULTS.md instead of comparing it")

// How the matrix is run.
const (
	workers = 32
	inWrite = 1100 * time.Millisecond // two changes that far apart have two times, by the store's clock
)

// The two accesses of a container: the one that a call is about, and one that somebody else was given.
const (
	mine   = "ba-mine"
	others = "ba-others"
)

// state is what the store holds of one container.
type state struct {
	exists bool
	blob   bool
	access []string // in the order of the policies
}

func with(access ...string) state { return state{exists: true, access: access} }

// matrixCall is a column group: a call, on a container in a state.
type matrixCall struct {
	name    string
	earlier state // what reads that lag show
	now     state
	do      func(ctx context.Context, p *provisioner, bucket string) error
	sends   []string
	healthy codes.Code
	after   state
}

func grantsMine(ctx context.Context, p *provisioner, bucket string) error {
	_, err := grant(ctx, p, bucket, mine, nil)
	return err
}

func revokesMine(ctx context.Context, p *provisioner, bucket string) error {
	return revoke(ctx, p, bucket, accountID(mine))
}

func creates(ctx context.Context, p *provisioner, bucket string) error {
	return create(ctx, p, bucket, nil)
}

func deletes(ctx context.Context, p *provisioner, bucket string) error {
	return remove(ctx, p, bucket, nil)
}

func empties(ctx context.Context, p *provisioner, bucket string) error {
	return remove(ctx, p, bucket, map[string]string{emptyOnDelete: "true"})
}

func matrixCalls() []matrixCall {
	const puts, look, list, del, reads, writes, prove = "create container", "look at container", "list container",
		"delete container", "read policies", "write policies", proveAbsence
	gone := state{}
	full := state{exists: true, blob: true, access: []string{others}}
	return []matrixCall{
		{"create", gone, gone, creates, []string{puts}, codes.OK, with()},
		{"create, repeated", gone, with(others), creates, []string{puts, look}, codes.OK, with(others)},
		{"delete, empty", gone, with(others), deletes, []string{look, list, del}, codes.OK, gone},
		{"delete, not empty", gone, full, deletes, []string{look, list}, codes.FailedPrecondition, full},
		{"delete, emptyOnDelete", with(), full, empties, []string{look, del}, codes.OK, gone},
		{"delete, gone", with(others), gone, deletes, []string{look, prove}, codes.OK, gone},
		{"grant", gone, with(others), grantsMine, []string{look, reads, writes}, codes.OK, with(others, mine)},
		{"grant, repeated", with(others), with(others, mine), grantsMine, []string{look, reads, writes}, codes.OK, with(others, mine)},
		{"grant, after a revoke", with(others, mine), with(others), grantsMine, []string{look, reads, writes}, codes.OK, with(others, mine)},
		{"grant, gone", with(others), gone, grantsMine, []string{look, prove}, codes.NotFound, gone},
		{"revoke", with(others), with(others, mine), revokesMine, []string{look, reads, writes}, codes.OK, with(others)},
		{"revoke, repeated", with(others, mine), with(others), revokesMine, []string{look, reads, writes}, codes.OK, with(others)},
		{"revoke, gone", with(others, mine), gone, revokesMine, []string{look, prove}, codes.OK, gone},
		{
			"ready", gone, gone, func(ctx context.Context, p *provisioner, _ string) error { return p.ready(ctx) },
			[]string{"ask for the store's properties"},
			codes.OK, gone,
		},
	}
}

// matrixFault is a row: what is done to one request, each time that it is sent, and the rule by which the code follows.
type matrixFault struct {
	name string
	act  func(c *cell, rw http.ResponseWriter, r *http.Request) bool
	rule func(call matrixCall, sent string) codes.Code
}

func always(code codes.Code) func(matrixCall, string) codes.Code {
	return func(matrixCall, string) codes.Code { return code }
}

// saysGone is the rule for a request to which the store says that there is no container: that counts only where a write
// says it, too. A create asks for no container that exists, so for it that is no answer, or means a wait.
func saysGone(call matrixCall, sent string) codes.Code {
	if sent == proveAbsence || sent == call.sends[0] && !call.now.exists && call.name != "create" && call.name != "ready" {
		return call.healthy
	}
	return codes.Unavailable
}

func matrixFaults() []matrixFault {
	unavailable, denied, failed := always(codes.Unavailable), always(codes.PermissionDenied), always(codes.FailedPrecondition)
	plain := func(status int, contentType, body string) func(*cell, http.ResponseWriter, *http.Request) bool {
		return func(c *cell, rw http.ResponseWriter, r *http.Request) bool {
			rw.Header().Set("Content-Type", contentType)
			rw.Header().Set("X-Ms-Request-Id", "00000000-1111-2222-3333-444444444444") // no mark
			rw.WriteHeader(status)
			fmt.Fprint(rw, strings.NewReplacer("AUTH", r.Header.Get("Authorization"), "KEY", c.matrix.w.key, "TOKEN", c.token(mine)).Replace(body))
			return true
		}
	}
	coded := func(status int, code string) func(*cell, http.ResponseWriter, *http.Request) bool {
		return func(_ *cell, rw http.ResponseWriter, _ *http.Request) bool { return refuse(rw, status, code) }
	}
	return []matrixFault{
		{"connection refused", nil, unavailable}, // by the cell's transport
		{"reset before the store acts", func(_ *cell, rw http.ResponseWriter, r *http.Request) bool { return hangUp(rw, r) }, unavailable},
		{"reset after the store acted", func(c *cell, rw http.ResponseWriter, r *http.Request) bool {
			c.matrix.proxy.forward.ServeHTTP(httptest.NewRecorder(), r)
			return hangUp(rw, r)
		}, unavailable},
		{"200 with HTML", plain(200, "text/html", "<html>AUTH KEY TOKEN</html>"), unavailable},
		{"200 with JSON", plain(200, "application/json", `{"auth":"AUTH","key":"KEY","url":"https://x/?TOKEN"}`), unavailable},
		{"200 with nothing", plain(200, "application/xml", ""), unavailable},
		{"201 with nothing", plain(201, "application/xml", ""), unavailable},
		{"202 with nothing", plain(202, "application/xml", ""), unavailable},
		{"the store's answer, cut", cutAnswer, unavailable},
		{"an endless answer", func(_ *cell, rw http.ResponseWriter, _ *http.Request) bool {
			storeHeader(rw)
			endlessly(rw, "<?xml version=\"1.0\"?><EnumerationResults>")
			return true
		}, unavailable},
		{"301", plain(301, "", ""), failed},
		{"302 to another host", func(c *cell, rw http.ResponseWriter, r *http.Request) bool {
			http.Redirect(rw, r, c.matrix.elsewhere.URL+r.URL.String(), http.StatusFound)
			return true
		}, failed},
		{"307 to another host", func(c *cell, rw http.ResponseWriter, r *http.Request) bool {
			http.Redirect(rw, r, c.matrix.elsewhere.URL+r.URL.String(), http.StatusTemporaryRedirect)
			return true
		}, failed},
		{"401 without a code", plain(401, "text/plain", "AUTH"), denied},
		{"403 without a code", plain(403, "text/plain", "KEY"), denied},
		{"403 AuthenticationFailed", coded(403, "AuthenticationFailed"), denied},
		{"404 of a gateway", plain(404, "text/html", "<html><Code>ContainerNotFound</Code>TOKEN</html>"), unavailable},
		{"404 ContainerNotFound", coded(404, "ContainerNotFound"), saysGone},
		{"408", plain(408, "text/plain", ""), unavailable},
		{"409 without a code", plain(409, "text/plain", ""), unavailable},
		{"409 ContainerAlreadyExists", coded(409, "ContainerAlreadyExists"), func(call matrixCall, sent string) codes.Code {
			switch {
			case sent != "create container":
				return codes.FailedPrecondition
			case call.now.exists:
				return call.healthy
			}
			return codes.Unavailable
		}},
		{"409 ContainerBeingDeleted", coded(409, "ContainerBeingDeleted"), saysGone},
		{"409 ContainerHasLegalHold", coded(409, "ContainerHasLegalHold"), failed},
		{"409 ContainerImmutabilityPolicyLocked", coded(409, "ContainerImmutabilityPolicyLocked"), failed},
		{"409 BlobImmutableDueToPolicy", coded(409, "BlobImmutableDueToPolicy"), failed},
		{"409 LeaseIdMismatchWithLeaseOperation", coded(409, "LeaseIdMismatchWithLeaseOperation"), func(_ matrixCall, sent string) codes.Code {
			if sent == proveAbsence {
				return codes.Unavailable // the container exists, and a read says that it does not
			}
			return codes.FailedPrecondition
		}},
		{"409 AccountQuotaExceeded", coded(409, "AccountQuotaExceeded"), always(codes.ResourceExhausted)},
		{"412 without a code", plain(412, "text/plain", ""), unavailable},
		{"412 ConditionNotMet", coded(412, "ConditionNotMet"), always(codes.Aborted)},
		{"412 LeaseIdMissing", coded(412, "LeaseIdMissing"), failed},
		{"429", plain(429, "text/plain", "AUTH"), unavailable},
		{"429 with Retry-After", func(_ *cell, rw http.ResponseWriter, _ *http.Request) bool {
			rw.Header().Set("Retry-After", "3600")
			rw.WriteHeader(http.StatusTooManyRequests)
			return true
		}, unavailable},
		{"500", plain(500, "text/plain", "AUTH"), unavailable},
		{"500 InternalError", coded(500, "InternalError"), unavailable},
		{"503 ServerBusy", coded(503, "ServerBusy"), unavailable},
	}
}

// cutAnswer passes half of what the store answers. Where the store answers without a body, it is half of another answer.
func cutAnswer(c *cell, rw http.ResponseWriter, r *http.Request) bool {
	answer := httptest.NewRecorder()
	if r.Method == http.MethodGet {
		c.matrix.proxy.forward.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			if name != headerErrorCode && name != "Content-Length" {
				rw.Header()[name] = values
			}
		}
	}
	body := answer.Body.String()
	if body == "" {
		body = `<?xml version="1.0"?><SignedIdentifiers><SignedIdentifier></SignedIdentifier></SignedIdentifiers>`
	}
	rw.WriteHeader(answer.Code)
	_, _ = io.WriteString(rw, body[:len(body)*2/3])
	return true
}

// lag is a row of the second table: the first reads of one kind show the earlier state.
type lag struct {
	sent  string
	reads int
}

func (l lag) String() string { return fmt.Sprintf("%s: %d late", l.sent, l.reads) }

func lags() (all []lag) {
	for _, sent := range []string{"look at container", "read policies"} {
		for _, reads := range []int{1, 5, 10, 30} {
			all = append(all, lag{sent, reads})
		}
	}
	return all
}

// want is the rule for reads that lag. A change of the policies is tried often enough to outlast a short lag; a long one
// ends in ABORTED where a list was outdated, and in UNAVAILABLE where the store contradicts itself or its clock stands still.
func (l lag) want(call matrixCall) codes.Code {
	changes := slices.Contains(call.sends, "write policies")
	switch {
	case l.sent == "read policies" && !changes && call.name != "grant, gone" && call.name != "revoke, gone":
		return call.healthy // it is not sent
	case call.now.exists && call.earlier.exists && call.name == "delete, emptyOnDelete":
		return codes.Aborted // the delete is conditional on what was read
	case !call.now.exists && call.name != "create": // a write or the list says that it is gone, and a write proves it
		return call.healthy
	case !changes && call.name != "create":
		return codes.Unavailable
	case call.name == "create" || l.reads < attempts:
		return call.healthy
	case l.sent == "read policies" && call.earlier.exists:
		return codes.Aborted
	}
	return codes.Unavailable
}

// cell is one call with one fault.
type cell struct {
	matrix *matrix
	call   matrixCall
	name   string // of the row
	bucket string
	sent   string // the request that meets the fault
	want   codes.Code
	act    func(c *cell, rw http.ResponseWriter, r *http.Request) bool
	off    atomic.Bool // the store is healthy

	old  map[string]*httptest.ResponseRecorder // answers of the earlier state, by request
	late atomic.Int32                          // how many reads show it

	mu         sync.Mutex
	signatures []string // of the requests
	got        codes.Code
	wrong      []string
}

func (c *cell) fault(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf("%s, %s at %q: ", c.call.name, c.name, c.sent)+fmt.Sprintf(format, args...))
}

func (c *cell) token(name string) string {
	token, err := sign(c.matrix.settings, c.bucket, accountID(name))
	must(c.matrix.w.t, err)
	return token
}

// matrix is all of it, in one storage account.
type matrix struct {
	w         *world
	settings  settings
	proxy     *proxy
	elsewhere *httptest.Server
	arrived   atomic.Int32 // elsewhere
	cells     []*cell
	byBucket  map[string]*cell
	transport *http.Transport
}

const headerCell = "X-Cell"

// cellTransport tells the proxy whose request it is, and has refused what is to be refused.
type cellTransport struct{ *cell }

func (c cellTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(headerCell, c.bucket)
	c.mu.Lock()
	if _, signature, ok := strings.Cut(r.Header.Get("Authorization"), ":"); ok {
		c.signatures = append(c.signatures, signature)
	}
	c.mu.Unlock()
	if sent, _ := requestOf(r); c.act == nil && c.old == nil && !c.off.Load() && sent.name == c.sent {
		r.URL.Host = "127.0.0.1:1" // nobody listens there
	}
	return c.matrix.transport.RoundTrip(r)
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	w := newWorld(t)
	m := &matrix{w: w, proxy: w.proxy(), byBucket: map[string]*cell{}, transport: newTransport()}
	m.transport.MaxConnsPerHost = 0
	m.settings = w.provisionerAt(m.proxy.url).settings
	m.elsewhere = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { m.arrived.Add(1) }))
	t.Cleanup(m.elsewhere.Close)
	for _, call := range matrixCalls() {
		for _, f := range matrixFaults() {
			for _, sent := range call.sends {
				m.add(&cell{call: call, name: f.name, sent: sent, want: f.rule(call, sent), act: f.act})
			}
		}
		for _, l := range lags() {
			if call.name != "ready" && call.name != "create" {
				c := &cell{call: call, name: l.String(), sent: l.sent, want: l.want(call), old: map[string]*httptest.ResponseRecorder{}}
				c.late.Store(int32(l.reads))
				m.add(c)
			}
		}
	}
	m.proxy.set(m.serve)
	return m
}

func (m *matrix) add(c *cell) {
	c.matrix, c.bucket = m, fmt.Sprint("cell-", len(m.cells))
	m.cells = append(m.cells, c)
	m.byBucket[c.bucket] = c
}

// serve is the proxy's: it finds the cell, and does what the row says.
func (m *matrix) serve(rw http.ResponseWriter, r *http.Request) bool {
	c, sent := m.byBucket[r.Header.Get(headerCell)], ""
	if q, ok := requestOf(r); ok {
		sent = q.name
	}
	if c == nil || c.off.Load() || sent != c.sent {
		return false
	}
	if c.act != nil {
		return c.act(c, rw, r)
	}
	old := c.old[sent]
	if old == nil || c.late.Add(-1) < 0 {
		return false
	}
	maps.Copy(rw.Header(), old.Header())
	rw.WriteHeader(old.Code)
	_, _ = rw.Write(old.Body.Bytes())
	return true
}

// each runs f for all cells, many at once.
func (m *matrix) each(f func(*cell)) {
	var wg sync.WaitGroup
	queue := make(chan *cell)
	for range workers {
		wg.Go(func() {
			for c := range queue {
				f(c)
			}
		})
	}
	for _, c := range m.cells {
		queue <- c
	}
	close(queue)
	wg.Wait()
}

// set brings the cell's container from one state to another, as an administrator.
func (c *cell) set(ctx context.Context, from, to state) error {
	client := c.matrix.w.admin.NewContainerClient(c.bucket)
	if from.exists && !to.exists {
		_, err := client.Delete(ctx, nil)
		return err
	}
	if !to.exists {
		return nil
	}
	if !from.exists {
		if _, err := client.Create(ctx, &container.CreateOptions{Metadata: mark{driver: driverName}.metadata()}); err != nil {
			return err
		}
	}
	if to.blob && !from.blob {
		if _, err := client.NewBlockBlobClient("b").UploadBuffer(ctx, []byte("x"), nil); err != nil {
			return err
		}
	}
	var list []*container.SignedIdentifier
	for _, name := range to.access {
		list = append(list, &container.SignedIdentifier{ID: new(accountID(name)), AccessPolicy: accessParameters{permission: "racwdl"}.policy(time.Now())})
	}
	_, err := client.SetAccessPolicy(ctx, &container.SetAccessPolicyOptions{ContainerACL: list})
	return err
}

// remember keeps what reads answer now, as it is on the wire.
func (c *cell) remember(ctx context.Context) {
	keeper := roundTrip(func(r *http.Request) (*http.Response, error) {
		response, err := c.matrix.transport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		sent, _ := requestOf(r)
		kept := httptest.NewRecorder()
		kept.Code, kept.Body = response.StatusCode, bytes.NewBuffer(body)
		maps.Copy(kept.Header(), response.Header)
		c.old[sent.name] = kept
		response.Body = io.NopCloser(bytes.NewReader(body))
		return response, err
	})
	p, err := newProvisionerOver(c.matrix.settings, c.matrix.waits(), keeper)
	must(c.matrix.w.t, err)
	_, _ = p.container(c.bucket).GetProperties(ctx, nil)
	_, _ = p.container(c.bucket).GetAccessPolicy(ctx, nil)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (m *matrix) waits() waits {
	return waits{first: time.Millisecond, most: time.Millisecond, pause: 100 * time.Millisecond, call: time.Minute}
}

// read is what the store holds, as an administrator sees it.
func (c *cell) read(ctx context.Context) (state, error) {
	client := c.matrix.w.admin.NewContainerClient(c.bucket)
	there, err := exists(ctx, client)
	if err != nil || !there {
		return state{}, err
	}
	got := state{exists: true}
	ids, err := c.matrix.w.policies(ctx, c.bucket)
	for _, id := range ids {
		got.access = append(got.access, strings.TrimPrefix(id, namedPrefix))
	}
	if c.call.now.blob && err == nil {
		page, listErr := client.NewListBlobsFlatPager(nil).NextPage(ctx)
		err, got.blob = listErr, listErr == nil && len(page.Segment.BlobItems) > 0
	}
	return got, err
}

// works says whether the token opens the container, by asking the store.
func (c *cell) works(ctx context.Context, name string) bool {
	_, err := c.matrix.w.withToken(c.bucket, c.token(name)).NewListBlobsFlatPager(nil).NextPage(ctx)
	return err == nil
}

// run makes the call, heals the store, and repeats the call.
func (c *cell) run(ctx context.Context) {
	p, err := newProvisionerOver(c.matrix.settings, c.matrix.waits(), cellTransport{c})
	must(c.matrix.w.t, err)
	err = c.call.do(ctx, p, c.bucket)
	c.got = status.Code(err)
	if c.got != c.want {
		c.fault("answered %s, want %s: %v", c.got, c.want, err)
	}
	c.secrets(err)
	c.check(ctx, c.got == codes.OK)
	c.off.Store(true)
	if err := c.call.do(ctx, p, c.bucket); status.Code(err) != c.call.healthy {
		c.fault("the repeat is %v, want %s", err, c.call.healthy)
	}
	c.check(ctx, true)
}

// secrets looks for the key and for signatures in a message, and for the beginnings of them.
func (c *cell) secrets(err error) {
	text := fmt.Sprint(err)
	for _, secret := range append(c.signatures, c.matrix.w.key, c.token(mine), c.token(others)) {
		if strings.Contains(text, secret[:min(len(secret), 20)]) {
			c.fault("a secret is in the message: %s", text)
		}
	}
}

// check compares the store with what is allowed. After a failure, nobody else's access is harmed, and after success the
// state is the wanted one, also by what the signatures open.
func (c *cell) check(ctx context.Context, success bool) {
	got, err := c.read(ctx)
	if err != nil {
		c.fault("the store cannot be read: %v", err)
		return
	}
	if success {
		if fmt.Sprint(got) != fmt.Sprint(c.call.after) {
			c.fault("the store holds %+v, want %+v", got, c.call.after)
		}
		for _, name := range []string{mine, others} {
			if want := slices.Contains(c.call.after.access, name); c.works(ctx, name) != want {
				c.fault("the signature of %s works: %v", name, !want)
			}
		}
		return
	}
	for _, name := range c.call.now.access {
		keeps := slices.Contains(c.call.after.access, name) // what the call was to keep, it keeps when it fails
		if keeps && !c.works(ctx, name) {
			c.fault("the signature of %s stopped working", name)
		}
	}
	if c.call.after.blob && !got.blob {
		c.fault("the content is gone")
	}
}

// TestFaultMatrix meets every request of every call with every fault.
func TestFaultMatrix(t *testing.T) { // not parallel: it takes all of the time that Azurite has
	m := newMatrix(t)
	begin := time.Now()
	m.each(func(c *cell) {
		if c.old == nil {
			must(t, c.set(t.Context(), state{}, c.call.now))
			return
		}
		must(t, c.set(t.Context(), state{}, c.call.earlier))
		c.remember(t.Context())
	})
	time.Sleep(inWrite) // the store's clock has to move on
	m.each(func(c *cell) {
		if c.old != nil {
			must(t, c.set(t.Context(), c.call.earlier, c.call.now))
		}
	})
	time.Sleep(inWrite)
	m.each(func(c *cell) { c.run(t.Context()) })
	wrong := 0
	for _, c := range m.cells {
		for _, text := range c.wrong {
			if wrong++; wrong <= 40 { // the first say enough
				t.Error(text)
			}
		}
	}
	if m.arrived.Load() != 0 {
		t.Errorf("%d requests arrived at another host", m.arrived.Load())
	}
	t.Logf("%d cells, %d faults in them, %v", len(m.cells), wrong, time.Since(begin).Round(time.Second))
	document := m.document()
	if *update {
		must(t, os.WriteFile("FAULTS.md", []byte(document), 0o644))
	} else if document != read(t, "FAULTS.md") {
		t.Error("FAULTS.md is not what came out: look at the change, and write it with -run TestFaultMatrix -update")
	}
}

// document is FAULTS.md.
func (m *matrix) document() string {
	var b strings.Builder
	b.WriteString(`# What the driver answers when the store fails

Written by ` + "`go test -run TestFaultMatrix -update`" + ` and compared by each test run, in Azurite behind a proxy. A table is a
call on a container; a column is a request that the call sends; a row is what happens to that request, each time that it is sent.
A cell is the code of the call. "the same" is the code of a healthy store, which the table's title tells.

In every cell also: no message holds a key or a signature; no signature of another access stops working; no signature
works after a revoke that was OK; what a delete was not to delete is there; nothing is sent to another host; and when
the store is healthy again, one repeat of the call does all that it should, and leaves nothing over.
`)
	for _, call := range matrixCalls() {
		fmt.Fprintf(&b, "\n## %s: %s\n\n| fault | %s |\n|---|%s\n", call.name, spell(call.healthy), strings.Join(call.sends, " | "), strings.Repeat("---|", len(call.sends)))
		for _, f := range matrixFaults() {
			fmt.Fprintf(&b, "| %s |", f.name)
			for _, sent := range call.sends {
				fmt.Fprintf(&b, " %s |", m.find(call.name, f.name, sent).cellText())
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n## Reads that are late\n\nThe first reads of one kind show the container as it was before its last change. A change of policies is tried " +
		fmt.Sprint(attempts) + " times.\n\n| call | healthy |")
	for _, l := range lags() {
		fmt.Fprintf(&b, " %s |", l)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(lags())) + "\n")
	for _, call := range matrixCalls() {
		if c := m.find(call.name, lags()[0].String(), lags()[0].sent); c == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s |", call.name, spell(call.healthy))
		for _, l := range lags() {
			fmt.Fprintf(&b, " %s |", m.find(call.name, l.String(), l.sent).cellText())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (m *matrix) find(call, row, sent string) *cell {
	for _, c := range m.cells {
		if c.call.name == call && c.name == row && c.sent == sent {
			return c
		}
	}
	return nil
}

func (c *cell) cellText() string {
	if !slices.Contains(c.call.sends, c.sent) {
		return "not sent"
	}
	if c.got == c.call.healthy {
		return "the same"
	}
	return spell(c.got)
}

// spell writes a code as gRPC's documentation does.
func spell(code codes.Code) string {
	var b strings.Builder
	for i, letter := range code.String() {
		if i > 0 && letter >= 'A' && letter <= 'Z' && code != codes.OK {
			b.WriteByte('_')
		}
		b.WriteRune(letter)
	}
	return strings.ToUpper(b.String())
}
