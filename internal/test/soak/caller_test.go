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
	answerLimit  = 30 * time.Second      // how long anything may take that must happen
	connections  = 8                     // that the callers of a driver share
	longestPause = 10 * time.Millisecond // of a caller
	redialPause  = 5 * time.Millisecond  // between attempts to connect
	linger       = time.Second           // how long after a restart a call may have been lost to it
)

// target calls a driver and counts its answers. Safe for concurrent use.
type target struct {
	path  string
	conns []*grpc.ClientConn
	gate  sync.RWMutex // held for reading during a call: whoever holds it for writing sees the driver at rest

	mu      sync.Mutex
	answers map[codes.Code]int
	buckets int       // that only one call was for
	lost    int       // calls that a restart cost
	faults  []string  // wrong answers
	away    bool      // a restart is under way
	back    time.Time // when the last one ended
}

// newTarget prepares to connect to a driver, which need not be there yet.
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

// dial makes a connection that is restored soon after the driver is.
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

// call lets callers call until ctx ends.
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

// patience says how long a caller is willing to wait.
type patience struct {
	ctx  context.Context //nolint:containedctx // of one call
	end  func()
	late time.Time // when the call counts as never answered
}

// drawPatience mostly lasts until the answer; at times it sets a deadline, and at times it cancels the call.
func drawPatience(r *rand.Rand) patience {
	soon := time.Duration(r.Int64N(int64(20 * time.Millisecond)))
	late := time.Now().Add(answerLimit)
	if r.IntN(10) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		return patience{ctx, cancel, late}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if r.IntN(10) != 0 {
		soon = answerLimit // no deadline, but an end
	}
	timer := time.AfterFunc(soon, cancel)
	return patience{ctx, func() { timer.Stop(); cancel() }, late}
}

// judge counts an answer, and keeps what is wrong with it.
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

// interrupted says whether a restart may have disturbed a call.
func (t *target) interrupted(began time.Time) bool {
	return t.away || began.Before(t.back.Add(linger))
}

// drains says whether a health check was answered during a drain.
func drains(reply proto.Message) bool {
	health, ok := reply.(*healthpb.HealthCheckResponse)
	return ok && health.GetStatus() == healthpb.HealthCheckResponse_NOT_SERVING
}

func (t *target) fault(text string) { t.faults = append(t.faults, text) }

// excused says whether the call ended early and was answered so: it was its caller's doing, or it met the driver's own limit.
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

// leaves notes that the driver is about to be restarted.
func (t *target) leaves() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away = true
}

// comes notes that the driver is there again.
func (t *target) comes() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away, t.back = false, time.Now()
}

// tally holds what was counted so far.
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
