package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/address"
)

const (
	answerLimit  = 30 * time.Second      // longest time for anything that must happen
	connections  = 8                     // shared by the callers of a driver
	longestPause = 10 * time.Millisecond // longest pause of a caller
	redialPause  = 5 * time.Millisecond  // between attempts to connect
	linger       = time.Second           // time after a restart in which a call may still fail because of it
)

// target calls a driver and counts its answers. It is safe for concurrent use.
type target struct {
	path  string
	conns []*grpc.ClientConn
	gate  sync.RWMutex // held for reading during a call; the writer sees the driver at rest

	mu      sync.Mutex
	answers map[codes.Code]int
	buckets int       // buckets that only one call used
	lost    int       // calls that a restart cost
	faults  []string  // wrong answers
	away    bool      // a restart is under way
	back    time.Time // end of the last restart
}

// newTarget prepares connections to a driver, which need not run yet.
func newTarget(path string) (*target, error) {
	t := &target{path: path, answers: map[codes.Code]int{}}
	for range connections {
		conn, err := dial(path)
		if err != nil {
			t.close()
			return nil, err
		}
		t.conns = append(t.conns, conn)
	}
	return t, nil
}

// dial makes a connection that reconnects soon after the driver is back.
func dial(path string) (*grpc.ClientConn, error) {
	return address.Socket(path).Dial(
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: redialPause, Multiplier: 1, MaxDelay: redialPause},
			MinConnectTimeout: answerLimit,
		}))
}

func (t *target) close() {
	for _, conn := range t.conns {
		conn.Close()
	}
}

// connect makes one call over each connection.
func connect(ctx context.Context, conns ...*grpc.ClientConn) error {
	for _, conn := range conns {
		c := newInfo(nil, "")
		if err := c.send(ctx, conn, grpc.WaitForReady(true)); err != nil {
			return err
		}
	}
	return nil
}

// call runs callers until ctx ends.
func (t *target) call(ctx context.Context, callers int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range callers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for n := 0; ctx.Err() == nil; n++ {
				t.once(ctx, r, t.conns[i%connections], fmt.Sprintf("%p-%d-%d", t, i, n))
				_ = lasting(ctx, time.Duration(r.Int64N(int64(longestPause))))
			}
		})
	}
}

// once makes one call and judges the answer.
func (t *target) once(ctx context.Context, r *rand.Rand, conn *grpc.ClientConn, nonce string) {
	t.gate.RLock()
	defer t.gate.RUnlock()
	if ctx.Err() != nil {
		return
	}
	c := pick(r, nonce)
	patience := drawPatience(r)
	defer patience.end()
	began := time.Now()
	err := c.send(patience.ctx, conn, grpc.WaitForReady(true))
	t.judge(&c, patience, began, err)
}

// patience limits how long a caller waits.
type patience struct {
	ctx  context.Context //nolint:containedctx // of one call
	end  func()
	late time.Time // time after which the call counts as unanswered
}

// drawPatience draws the patience of a call. Most callers wait for the answer, some set a deadline, and some cancel the
// call.
func drawPatience(r *rand.Rand) patience {
	soon := time.Duration(r.Int64N(int64(20 * time.Millisecond)))
	late := time.Now().Add(answerLimit)
	if r.IntN(10) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		return patience{ctx, cancel, late}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if r.IntN(10) != 0 {
		soon = answerLimit // ends a call without a deadline
	}
	timer := time.AfterFunc(soon, cancel)
	return patience{ctx, func() { timer.Stop(); cancel() }, late}
}

// judge counts an answer, and records what is wrong with it.
func (t *target) judge(c *call, p patience, began time.Time, err error) {
	wrong := c.wrong(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !time.Now().Before(p.late):
		t.fault(c.method + " was not answered within " + answerLimit.String())
	case wrong == "":
	case excused(p.ctx, time.Since(began), err):
	case t.interrupted(began) && status.Code(err) == codes.Unavailable:
		t.lost++
	case t.interrupted(began) && drains(c.reply):
	default:
		t.fault(wrong)
	}
	t.answers[status.Code(err)]++
	if c.fresh() {
		t.buckets++
	}
}

// interrupted reports whether a restart may have disturbed a call.
func (t *target) interrupted(began time.Time) bool {
	return t.away || began.Before(t.back.Add(linger))
}

// drains reports whether the driver answered a health check during a drain.
func drains(reply proto.Message) bool {
	health, ok := reply.(*healthpb.HealthCheckResponse)
	return ok && health.GetStatus() == healthpb.HealthCheckResponse_NOT_SERVING
}

func (t *target) fault(text string) { t.faults = append(t.faults, text) }

// excused reports whether the answer is right because the call ended early: its caller ended it, or the driver's own
// limit did.
func excused(ctx context.Context, took time.Duration, err error) bool {
	got, limited := status.Convert(err), took >= rpcTimeout
	deadline, hurried := ctx.Deadline()
	switch got.Code() {
	case codes.Canceled:
		return ctx.Err() != nil
	case codes.DeadlineExceeded:
		return limited || hurried && !time.Now().Before(deadline)
	case codes.Aborted:
		return limited && strings.Contains(got.Message(), " is busy: ")
	}
	return false
}

// leaves records that a restart of the driver begins.
func (t *target) leaves() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away = true
}

// comes records that the driver is back.
func (t *target) comes() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away, t.back = false, time.Now()
}

// tally holds the counts so far.
type tally struct{ calls, buckets, lost, wrong int }

func (t *target) tally() tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := tally{buckets: t.buckets, lost: t.lost, wrong: len(t.faults)}
	for _, n := range t.answers {
		sum.calls += n
	}
	return sum
}
