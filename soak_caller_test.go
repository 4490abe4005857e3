package gocosi_test

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
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	soakConns    = 8                     // connections that the callers of a driver share
	soakThinking = 10 * time.Millisecond // the longest pause of a caller
	soakRedial   = 5 * time.Millisecond  // between attempts to connect
	soakLinger   = time.Second           // how long after a restart a call may have been lost to it
)

// soakTarget is a driver as its callers see it. Safe for concurrent use.
type soakTarget struct {
	path  string
	conns []*grpc.ClientConn
	gate  sync.RWMutex // held for reading during a call: whoever holds it for writing sees the driver at rest

	mu      sync.Mutex
	answers map[codes.Code]int
	buckets int       // that one call each was for
	lost    int       // calls that a restart cost
	faults  []string  // wrong answers
	away    bool      // a restart is under way
	back    time.Time // when the last one ended
}

// newSoakTarget prepares to connect to a driver, which need not be there yet.
func newSoakTarget(path string) (*soakTarget, error) {
	t := &soakTarget{path: path, answers: map[codes.Code]int{}}
	for range soakConns {
		conn, err := soakDial(path)
		if err != nil {
			t.close()
			return nil, err
		}
		t.conns = append(t.conns, conn)
	}
	return t, nil
}

// soakDial makes a connection that is soon there again when the driver is.
func soakDial(path string) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: soakRedial, Multiplier: 1, MaxDelay: soakRedial},
			MinConnectTimeout: limit,
		}))
}

func (t *soakTarget) close() {
	for _, conn := range t.conns {
		conn.Close()
	}
}

// soakConnect makes one call over each connection.
func soakConnect(ctx context.Context, conns ...*grpc.ClientConn) error {
	for _, conn := range conns {
		c := soakInfo(nil, "")
		if err := c.send(ctx, conn, grpc.WaitForReady(true)); err != nil {
			return err
		}
	}
	return nil
}

// call lets callers call until ctx ends.
func (t *soakTarget) call(ctx context.Context, callers int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range callers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for n := 0; ctx.Err() == nil; n++ {
				t.once(ctx, r, t.conns[i%soakConns], fmt.Sprintf("%p-%d-%d", t, i, n))
				_ = lasting(ctx, time.Duration(r.Int64N(int64(soakThinking))))
			}
		})
	}
}

// once makes one call and judges the answer.
func (t *soakTarget) once(ctx context.Context, r *rand.Rand, conn *grpc.ClientConn, nonce string) {
	t.gate.RLock()
	defer t.gate.RUnlock()
	if ctx.Err() != nil {
		return
	}
	c := soakPick(r, nonce)
	hurry := newSoakHurry(r)
	defer hurry.end()
	began := time.Now()
	err := c.send(hurry.ctx, conn, grpc.WaitForReady(true))
	t.judge(&c, hurry, began, err)
}

// soakHurry is how long a caller is willing to wait.
type soakHurry struct {
	ctx  context.Context //nolint:containedctx // of one call
	end  func()
	late time.Time // when the call counts as never answered
}

// newSoakHurry is mostly in none, sets a deadline at times, and at times goes away.
func newSoakHurry(r *rand.Rand) soakHurry {
	soon := time.Duration(r.Int64N(int64(20 * time.Millisecond)))
	late := time.Now().Add(limit)
	if r.IntN(10) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		return soakHurry{ctx, cancel, late}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if r.IntN(10) != 0 {
		soon = limit // the call gets no deadline, but ends
	}
	timer := time.AfterFunc(soon, cancel)
	return soakHurry{ctx, func() { timer.Stop(); cancel() }, late}
}

// judge counts an answer, and keeps what is wrong with it.
func (t *soakTarget) judge(c *soakCall, hurry soakHurry, began time.Time, err error) {
	wrong := c.wrong(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !time.Now().Before(hurry.late):
		t.fault(c.method + " has not been answered after " + limit.String())
	case wrong == "":
	case excused(hurry.ctx, time.Since(began), err):
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

// interrupted says whether a restart may have fallen into a call.
func (t *soakTarget) interrupted(began time.Time) bool {
	return t.away || began.Before(t.back.Add(soakLinger))
}

// drains says whether the answer is that of a health check during a drain.
func drains(reply proto.Message) bool {
	health, ok := reply.(*healthpb.HealthCheckResponse)
	return ok && health.GetStatus() == healthpb.HealthCheckResponse_NOT_SERVING
}

func (t *soakTarget) fault(text string) { t.faults = append(t.faults, text) }

// excused says whether the call ended early, and says so: it was its caller's doing, or it met the driver's own limit.
func excused(ctx context.Context, took time.Duration, err error) bool {
	got, limited := status.Convert(err), took >= soakRPCTimeout
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

// leaves says that the driver is about to be restarted, and comes that it is there again.
func (t *soakTarget) leaves() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away = true
}

func (t *soakTarget) comes() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away, t.back = false, time.Now()
}

// soakTally is what was counted so far.
type soakTally struct{ calls, buckets, lost, wrong int }

func (t *soakTarget) tally() soakTally {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := soakTally{buckets: t.buckets, lost: t.lost, wrong: len(t.faults)}
	for _, n := range t.answers {
		sum.calls += n
	}
	return sum
}
