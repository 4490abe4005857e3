package cositest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/redact"
)

// Run runs each case as a subtest of t, named after the case, and returns the report. A case that fails, fails its subtest.
// Run logs advice. A case that does not apply, is not configured, was skipped or not reached skips its subtest with the
// reason. If cases were not reached although none failed, such as after a hook's error, t fails. So it does for a driver of
// another generation. Shortly before the end of go test's -timeout, Run stops: the remaining cases are not reached, and the
// report is there. The connection stays open.
func Run(t *testing.T, conn grpc.ClientConnInterface, cfg Config) *Report {
	t.Helper()
	r := newRunner(conn, cfg)
	if r.otherGeneration(t.Context(), conn) {
		r.conclude()
		t.Error(r.report.Verdict())
		return r.report
	}
	ctx, cancel := inTime(t)
	defer cancel()
	for _, k := range Cases() {
		if cfg.Only != nil && !cfg.Only(k) {
			continue
		}
		t.Run(k.Name, func(t *testing.T) { r.subtest(ctx, t, k) })
	}
	r.conclude()
	t.Log(r.report.Verdict())
	switch {
	case r.report.Count(NotReached) > 0 && !t.Failed():
		t.Error("cases were not reached, although none failed")
	case cfg.Strict && len(r.report.Unchecked()) > 0 && (cfg.Only != nil || r.report.LeftOut() == 0) && !t.Failed(): // go test -run may leave out cases
		t.Errorf("Config.Strict: this was not checked: %s", strings.Join(r.report.Unchecked(), ", "))
	}
	return r.report
}

// inTime returns a context that ends before go test panics, which would leave neither a report nor time to clean up.
func inTime(t *testing.T) (context.Context, context.CancelFunc) {
	end, ok := t.Deadline()
	if !ok {
		return context.WithCancel(t.Context())
	}
	reserve := min(time.Minute, time.Until(end)/5)
	return context.WithDeadlineCause(t.Context(), end.Add(-reserve), errTimeout)
}

var errTimeout = errors.New("go test's -timeout is about to end; give it more time")

func (r *runner) subtest(ctx context.Context, t *testing.T, k Case) {
	t.Helper()
	result := r.try(ctx, k)
	for _, left := range result.LeftOver {
		t.Log("left over: " + left.String())
	}
	switch result.Outcome {
	case Failed:
		t.Errorf("%s\n%s %s: %s\nfix: %s", result.Reason, k.Level, k.ID, k.Text, k.Remedy)
	case Warned:
		t.Logf("advice: %s\n%s %s: %s\nfix: %s", result.Reason, k.Level, k.ID, k.Text, k.Remedy)
	case NotApplicable, NotConfigured, Skipped, NotReached:
		t.Skipf("%s: %s", result.Outcome, result.Reason)
	case Passed:
		if result.Reason != "" {
			t.Log(result.Reason)
		}
	}
}

// Check runs every case and returns the report. When ctx ends, the remaining cases are not reached. The
// connection stays open.
func Check(ctx context.Context, conn grpc.ClientConnInterface, cfg Config) *Report {
	r := newRunner(conn, cfg)
	defer r.conclude()
	if r.otherGeneration(ctx, conn) {
		return r.report
	}
	for _, k := range Cases() {
		if cfg.Only == nil || cfg.Only(k) {
			r.try(ctx, k)
		}
	}
	return r.report
}

// firstCase fails for a server that is no driver.
const firstCase = "INFO-1"

// runner goes through the cases and keeps what they found out.
type runner struct {
	cfg    Config
	client *client
	report *Report
	ways   ways

	controls controls

	nothing bool            // the server has no service of COSI
	stopped string          // why no case is run any more; "" while they are
	deaths  int             // cases in which the connection was lost
	hanging map[string]bool // RPCs that do not answer, and which a case has failed by
}

func newRunner(conn grpc.ClientConnInterface, cfg Config) *runner {
	cfg = cfg.withDefaults()
	r := &runner{client: newClient(conn, cfg), report: newReport(conn, cfg), hanging: map[string]bool{}}
	r.cfg = tracedHooks(cfg, &r.client.story)
	return r
}

// mask masks the texts of a result.
func (r *runner) mask(result *Result) {
	result.Reason = r.public(result.Reason)
	for i := range result.LeftOver {
		left := &result.LeftOver[i]
		left.What, left.Why = r.public(left.What), r.public(left.Why)
	}
	for i := range result.Steps {
		step := &result.Steps[i]
		step.Sent, step.Got = r.public(step.Sent), r.public(step.Got)
	}
}

// conclude fills in what is known at the end of a run. What was granted in one case
// may have been said in one before it.
func (r *runner) conclude() {
	for i := range r.report.Results {
		r.mask(&r.report.Results[i])
	}
	r.client.mu.Lock()
	name := r.client.name
	r.client.mu.Unlock()
	r.report.Driver = bound.Printable(r.public(name), bound.Name)
	r.report.Duration = time.Since(r.report.Begin)
}

func (r *runner) try(ctx context.Context, k Case) Result {
	begin := time.Now()
	result := Result{Case: k}
	r.client.story.begin()
	result.Outcome, result.Reason, result.LeftOver = r.judge(ctx, k)
	result.LeftOver, result.Steps = bounded(result.LeftOver), r.client.story.end()
	r.mask(&result)
	result.Duration = time.Since(begin)
	r.report.Results = append(r.report.Results, result)
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(result)
	}
	return result
}

// maxLeftOver limits the left-over things that a result names.
const maxLeftOver = 16

// bounded names some of what was left over, and how much more there is.
func bounded(left []LeftOver) []LeftOver {
	if len(left) <= maxLeftOver {
		return left
	}
	more := LeftOver{fmt.Sprintf("%d more", len(left)-maxLeftOver), "for the reasons above, or for others"}
	return append(left[:maxLeftOver:maxLeftOver], more)
}

// public returns a text as a report may have it. What the driver said is masked on arrival; here a hook may have said
// something, or an id may be a secret. When the driver granted more secrets than can be kept, what it said is masked
// already, and the rest must stay readable.
func (r *runner) public(text string) string {
	_, secrets := r.client.leaked()
	secrets = append(secrets, r.cfg.Secrets...)
	if redact.Text("readable", secrets) == redact.Mask {
		secrets = nil
	}
	return uncut(redact.Text(text, secrets), secrets)
}

func (r *runner) judge(ctx context.Context, k Case) (o Outcome, reason string, left []LeftOver) {
	switch reason := r.cfg.skipped(k); {
	case reason != "":
		return Skipped, reason, nil
	case ctx.Err() != nil:
		return NotReached, context.Cause(ctx).Error(), nil
	case r.stopped != "":
		return NotReached, r.stopped, nil
	}
	t, err := r.once(ctx, k)
	left = t.cleanUp(ctx)
	if r.nothing && k.Name == firstCase {
		r.stopped = "the server has no service of COSI"
	}
	if t.broken != nil { // the run ends here, and the case says why
		o, reason = r.outcome(ctx, k, err)
		return o, reason, left
	}
	if lost := r.client.lostIn(); lost != nil && ctx.Err() == nil {
		return r.again(ctx, k, t, lost, left)
	}
	if err != nil && ctx.Err() == nil {
		if dead := r.client.ping(ctx); dead != nil {
			return Failed, r.dead(err, dead), left
		}
	}
	o, reason = r.outcome(ctx, k, err)
	return o, reason, left
}

// once runs a case, and leaves it to the caller to clean up.
func (r *runner) once(ctx context.Context, k Case) (*trial, error) {
	r.client.begin()
	t := &trial{cfg: r.cfg, client: r.client, ways: &r.ways, controls: &r.controls, names: map[string]bool{}}
	err := k.run(ctx, t)
	if t.hint != "" {
		r.report.Hint = t.hint
	}
	if t.broken != nil { // a hook that could not put back what it took away
		r.stopped = t.broken.Error()
	}
	return t, err
}

// unimplemented notes an RPC that the driver does not implement.
func (r *runner) unimplemented(rpc string) {
	if !slices.Contains(r.report.Unimplemented, rpc) {
		r.report.Unimplemented = append(r.report.Unimplemented, rpc)
	}
}
