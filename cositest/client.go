package cositest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/rules"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

const (
	// maxSilences is in how many cases an RPC may leave a call without an answer before the kit no longer calls it, and
	// allSilences how many cases may wait for any: a run ends after a few timeouts, whatever hangs.
	maxSilences = 2
	allSilences = 4

	// maxFailures is how many different errors are remembered, and maxSecrets how many secrets that were granted.
	maxFailures = 256
	maxSecrets  = 1 << 10

	// maxHuge is how many answers of an RPC may be too large to read before the kit no longer calls it.
	maxHuge = 3

	// maxAnswer is how large an answer may be. One that keeps the rules has a few KiB, and many come at once.
	maxAnswer = 256 << 10

	// searched is how many bytes of an error's message are searched for secrets.
	searched = 64 << 10
)

// sizeLimits names the rule for every answer that has its own case.
const sizeLimits = "GEN-9"

// client makes calls as the sidecar does: without a deadline on the wire, and again when the answer is ABORTED. It gives
// each up after a while. It remembers what the driver answered.
type client struct {
	identity    cosi.IdentityClient
	provisioner cosi.ProvisionerClient
	conn        grpc.ClientConnInterface
	timeout     time.Duration

	away  atomic.Bool // the kit took the store away: a call is made once, and one that hangs is not held against its RPC
	story story       // what the case that runs does

	mu         sync.Mutex
	answered   map[string]bool // RPCs that answered something other than UNIMPLEMENTED
	silences   map[string]int  // cases in which an RPC did not answer
	huge       map[string]int  // answers of an RPC that were too large to be read
	silent     map[string]bool // RPCs that did not answer in the case that runs
	from       net.Addr        // the driver's end of the connection by which the last answer came
	lost       error           // why the connection was lost in the case that runs
	successes  int
	failures   []failure
	oversize   []failure
	leaks      []failure // errors that hold a secret
	secrets    []string
	ownSecrets []string // secrets of the run's own
	name       string   // that DriverGetInfo answered last
}

// failure holds an error that the driver returned. Its message is masked, bounded and printable.
type failure struct {
	rpc     string
	code    codes.Code
	text    string
	details int
}

func newClient(conn grpc.ClientConnInterface, cfg Config) *client {
	c := &client{
		identity: cosi.NewIdentityClient(conn), provisioner: cosi.NewProvisionerClient(conn), conn: conn, timeout: cfg.Timeout, ownSecrets: cfg.Secrets,
		answered: map[string]bool{}, silences: map[string]int{}, silent: map[string]bool{}, huge: map[string]int{},
	}
	c.story.begin()
	return c
}

// begin starts a case.
func (c *client) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.silent)
	c.lost = nil
}

// rpcCall describes a method of the generated clients.
type rpcCall[Q, R any] = func(context.Context, Q, ...grpc.CallOption) (R, error)

// ask makes one call, and repeats it while the answer is ABORTED: another call is at work on the same bucket. It goes on
// as long as calls succeed somewhere; when none does within the timeout, ABORTED is the answer.
func ask[Q, R proto.Message](ctx context.Context, c *client, rpc string, call rpcCall[Q, R], request Q) (R, error) {
	got := c.progress()
	for deadline := time.Now().Add(c.patience()); ; {
		response, err := askOnce(ctx, c, rpc, call, request)
		if status.Code(err) != codes.Aborted || c.away.Load() {
			return response, err
		}
		if now := c.progress(); now > got {
			got, deadline = now, time.Now().Add(c.patience())
		}
		if time.Now().After(deadline) {
			_ = c.unheard(aborted)
			return response, err
		}
		if !sleep(ctx, pause) {
			return response, err
		}
	}
}

// pause returns how long a caller waits before it repeats an aborted call.
const pause = 10 * time.Millisecond

// sleep waits, and says whether the context lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// askOnce makes one call, and remembers it for the story of the case.
func askOnce[Q, R proto.Message](ctx context.Context, c *client, rpc string, call rpcCall[Q, R], request Q) (R, error) {
	if err := c.given(rpc); err != nil {
		var none R
		return none, err
	}
	begin := time.Now()
	response, err := attempt(ctx, c, rpc, call, request)
	c.story.call(rpc, begin, request, response, err, ctx.Err() != nil)
	return response, err
}

// attempt makes one call, and says what came of it.
func attempt[Q, R any](ctx context.Context, c *client, rpc string, call rpcCall[Q, R], request Q) (R, error) {
	calling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	defer c.giveUp(cancel)()
	var header, trailer metadata.MD
	var from peer.Peer
	response, err := call(calling, request, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from), grpc.MaxCallRecvMsgSize(maxAnswer))
	c.cameFrom(from.Addr)
	switch {
	case err == nil:
		c.heard(rpc, counted(request, rules.Response(request, response)))
		return response, nil
	case ctx.Err() != nil:
		return response, err
	case calling.Err() != nil:
		return response, c.unheard(rpc)
	case len(header)+len(trailer) == 0 && status.Code(err) == codes.Unavailable:
		return response, c.cutOff(rpc, err) // the client's own UNAVAILABLE: a server's answer comes with headers
	}
	if huge(err) {
		return response, c.overflowed(rpc)
	}
	return response, c.failed(rpc, err)
}

// huge tells the client's own refusal of an answer, which says how large it is, from a driver's.
func huge(err error) bool {
	return status.Code(err) == codes.ResourceExhausted && strings.Contains(status.Convert(err).Message(), "received message larger than max")
}

// overflowed notes an answer that was too large to be read.
func (c *client) overflowed(rpc string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered[rpc] = true
	c.huge[rpc]++
	if len(c.oversize) < maxFailures {
		c.oversize = append(c.oversize, failure{rpc: rpc, text: fmt.Sprintf("more than %d KiB, which is all that the kit reads", maxAnswer>>10)})
	}
	return hugeError{rpc}
}

// giveUp cancels a call that has no answer within the timeout, nor had any other: where calls take turns, the last of many
// waits for long. The function that it returns ends the wait.
func (c *client) giveUp(cancel func()) (stop func()) {
	done := make(chan struct{})
	got, timeout := c.progress(), c.timeout
	go func() {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		for {
			select {
			case <-done:
				return
			case <-timer.C:
			}
			now := c.progress()
			if now == got {
				cancel()
				return
			}
			got = now
			timer.Reset(timeout)
		}
	}()
	return func() { close(done) }
}

// given returns an error for an RPC that did not answer often enough: once in this case, or in several before.
func (c *client) given(rpc string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away.Load() {
		return nil
	}
	if c.huge[rpc] >= maxHuge {
		return hugeError{rpc}
	}
	if c.silent[rpc] || c.silences[rpc] >= maxSilences || c.silences[rpc] > 0 && c.waited() >= allSilences {
		return silentError{rpc: rpc, timeout: c.timeout, uncalled: true}
	}
	return nil
}

// waited returns in how many cases calls got no answer.
func (c *client) waited() int {
	n := 0
	for _, cases := range c.silences {
		n += cases
	}
	return n
}

func (c *client) progress() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.successes
}

// aborted stands for repeated calls in the count of RPCs that do not answer.
const aborted = "calls that are aborted"

// patience returns how long the kit repeats calls. After several cases in vain, it no longer does.
func (c *client) patience() time.Duration {
	if c.given(aborted) != nil {
		return 0
	}
	return c.timeout
}

// heard notes a success, and what about it is too large.
func (c *client) heard(rpc string, v *rules.Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.successes++
	c.answered[rpc] = true
	if v != nil && v.Rule == sizeLimits && len(c.oversize) < maxFailures {
		c.oversize = append(c.oversize, failure{rpc: rpc, text: v.Error()})
	}
}

// counted returns a violation by an answer, if it counts. An answer to a name that is too long may be too
// long as well, since the id may hold the name: the case that asks for such a name looks at it, also when it is run again.
func counted(request any, v *rules.Violation) *rules.Violation {
	create, ok := request.(*cosi.DriverCreateBucketRequest)
	if ok && len(create.GetName()) > rules.MaxString {
		return nil
	}
	return v
}

// failed notes a failure that the driver answered, and returns it as it may be shown.
func (c *client) failed(rpc string, err error) error {
	st := status.Convert(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	message := st.Message()
	f := failure{rpc, st.Code(), redact.Text(message, slices.Concat(c.secrets, c.ownSecrets)), len(st.Proto().GetDetails())}
	if len(c.failures) < maxFailures && !slices.Contains(c.failures, f) {
		c.failures = append(c.failures, f)
	}
	if holds(message[:min(len(message), searched)], c.secrets) && len(c.leaks) < maxFailures {
		c.leaks = append(c.leaks, f)
	}
	err = status.Error(st.Code(), f.text)
	if st.Code() != codes.Unimplemented {
		c.answered[rpc] = true
	} else if !c.answered[rpc] {
		err = unsupportedError{rpc, status.New(st.Code(), f.text)}
	}
	return err
}

// unheard notes that a call was given up. Those that were made side by side count once.
func (c *client) unheard(rpc string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.silent[rpc] && !c.away.Load() {
		c.silent[rpc] = true
		c.silences[rpc]++
	}
	return silentError{rpc: rpc, timeout: c.timeout}
}

// cutOff notes that the connection was lost, or cannot be had.
func (c *client) cutOff(rpc string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	lost := lostError{rpc, bound.Printable(status.Convert(err).Message(), bound.Text)}
	if c.lost == nil {
		c.lost = lost
	}
	return lost
}

// cameFrom notes by which connection an answer came.
func (c *client) cameFrom(from net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = from
}

// connection returns the driver's end of the connection by which the last answer came; nil when nobody knows.
func (c *client) connection() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.from
}

// expected forgets that the connection was lost: the kit itself ended it.
func (c *client) expected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = nil
}

// lostIn says why the connection was lost in the case that runs; nil when it was not.
func (c *client) lostIn() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// seen returns the failures so far.
func (c *client) seen() []failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failures)
}

// tooLarge returns what the answers so far had that was too large.
func (c *client) tooLarge() []failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.oversize)
}

// leaked returns the errors so far that held a secret, and the secrets that were granted so far.
func (c *client) leaked() (leaks []failure, secrets []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.leaks), slices.Clone(c.secrets)
}

// learn remembers what a grant answered that nobody may read.
func (c *client) learn(r *cosi.DriverGrantBucketAccessResponse) {
	for _, secret := range secretsOf(r) {
		c.mu.Lock()
		if len(c.secrets) < maxSecrets && !slices.Contains(c.secrets, secret) {
			c.secrets = append(c.secrets, secret)
		}
		c.mu.Unlock()
	}
}

// secretsOf returns the secrets of an answer; if they are more than the kit keeps, one that stands for everything.
func secretsOf(r *cosi.DriverGrantBucketAccessResponse) []string {
	if r == nil {
		return nil
	}
	values := v1alpha1.Fields.Values(&cosi.DriverGrantBucketAccessResponse{Credentials: r.GetCredentials()})
	if len(values) > maxSecrets/2 {
		return values
	}
	return slices.DeleteFunc(values, func(value string) bool { return published(r, value) })
}

// published reports whether the sidecar's Secret shows a value next to the secrets, such as the endpoint.
func published(r *cosi.DriverGrantBucketAccessResponse, value string) bool {
	for _, details := range r.GetCredentials() {
		for _, key := range []string{"endpoint", "region", "accessKeyID", "expiryTs"} {
			if details.GetSecrets()[key] == value {
				return true
			}
		}
	}
	return false
}

// leastSecret is the length of the shortest secret that is looked for: a shorter one stands in texts by chance.
const leastSecret = 6

// holds says whether a text holds one of the secrets.
func holds(text string, secrets []string) bool {
	return slices.ContainsFunc(secrets, func(secret string) bool {
		return len(secret) >= leastSecret && strings.Contains(text, secret)
	})
}

// shown returns a text of the driver's, such as an id, as a report may show it.
func (c *client) shown(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return redact.Text(text, c.secrets)
}

// ping says why the driver does not answer; nil when it does, with whatever. It is no part of the case's story.
func (c *client) ping(ctx context.Context) error {
	c.story.pause(true)
	defer c.story.pause(false)
	_, err := c.getInfo(ctx)
	if _, answered := errors.AsType[hugeError](err); gone(err) && !answered {
		return err
	}
	return nil
}

func (c *client) getInfo(ctx context.Context) (*cosi.DriverGetInfoResponse, error) {
	response, err := ask(ctx, c, rules.GetInfo, c.identity.DriverGetInfo, &cosi.DriverGetInfoRequest{})
	if name := response.GetName(); name != "" {
		c.mu.Lock()
		c.name = name
		c.mu.Unlock()
	}
	return response, err
}

func (c *client) create(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return ask(ctx, c, rules.Create, c.provisioner.DriverCreateBucket, r)
}

func (c *client) delete(ctx context.Context, r *cosi.DriverDeleteBucketRequest) error {
	_, err := ask(ctx, c, rules.Delete, c.provisioner.DriverDeleteBucket, r)
	return err
}

func (c *client) grant(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	response, err := ask(ctx, c, rules.Grant, c.provisioner.DriverGrantBucketAccess, r)
	c.learn(response)
	return response, err
}

func (c *client) revoke(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) error {
	_, err := ask(ctx, c, rules.Revoke, c.provisioner.DriverRevokeBucketAccess, r)
	return err
}
