package cositest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
)

// Run gives each case a subtest of t, named after it. A case that fails, fails its subtest; advice is logged; one that
// was skipped or not reached skips it with the reason. When cases were not reached although none failed, such as after a
// hook's error, t fails. The connection stays open.
func Run(t *testing.T, conn grpc.ClientConnInterface, cfg Config) {
	t.Helper()
	r := newRunner(conn, cfg)
	for _, k := range Cases() {
		if cfg.Only != nil && !cfg.Only(k) {
			continue
		}
		t.Run(k.Name, func(t *testing.T) { r.subtest(t, k) })
	}
	t.Log(r.report.Verdict())
	if r.report.Count(NotReached) > 0 && !t.Failed() {
		t.Error("cases were not reached, although none failed")
	}
}

func (r *runner) subtest(t *testing.T, k Case) {
	t.Helper()
	result := r.try(t.Context(), k)
	if result.LeftOver != "" {
		t.Log("left over:", result.LeftOver)
	}
	switch result.Outcome {
	case Failed:
		t.Errorf("%s\n%s %s: %s", result.Reason, k.Level, k.ID, k.Text)
	case Warned:
		t.Logf("advice: %s\n%s %s: %s", result.Reason, k.Level, k.ID, k.Text)
	case Skipped, NotReached:
		t.Skipf("%s: %s", result.Outcome, result.Reason)
	case Passed:
	}
}

// Check runs every case and returns how they ended. When ctx ends, the cases that are left are not reached. The
// connection stays open.
func Check(ctx context.Context, conn grpc.ClientConnInterface, cfg Config) *Report {
	r := newRunner(conn, cfg)
	for _, k := range Cases() {
		if cfg.Only == nil || cfg.Only(k) {
			r.try(ctx, k)
		}
	}
	return r.report
}

// runner goes through the cases and keeps what they found out.
type runner struct {
	cfg    Config
	client *client
	report *Report

	dead    error           // the driver answers no more
	hanging map[string]bool // RPCs that do not answer, and which a case has failed by
}

func newRunner(conn grpc.ClientConnInterface, cfg Config) *runner {
	cfg = cfg.withDefaults()
	return &runner{cfg: cfg, client: newClient(conn, cfg.Timeout), report: &Report{}, hanging: map[string]bool{}}
}

func (r *runner) try(ctx context.Context, k Case) Result {
	begin := time.Now()
	result := Result{Case: k}
	result.Outcome, result.Reason, result.LeftOver = r.judge(ctx, k)
	result.Duration = time.Since(begin)
	r.report.Results = append(r.report.Results, result)
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(result)
	}
	return result
}

func (r *runner) judge(ctx context.Context, k Case) (o Outcome, reason, left string) {
	if reason := r.cfg.skipped(k); reason != "" {
		return Skipped, reason, ""
	}
	if reason := r.unreachable(ctx, k); reason != "" {
		return NotReached, reason, ""
	}
	r.client.begin()
	t := &trial{cfg: r.cfg, client: r.client}
	err := k.run(ctx, t)
	left = t.cleanUp(ctx)
	if (err != nil || left != "") && ctx.Err() == nil {
		r.dead = r.client.ping(ctx)
	}
	o, reason = r.outcome(ctx, k, err)
	return o, reason, left
}

// blocks says whether cases that need one that ended so are not reached. One that was skipped does not block: whoever
// skips it answers for it.
func blocks(o Outcome) bool { return o == Failed || o == Warned || o == NotReached }

// unreachable says why a case has no sense: the run was given up, the driver is gone, or what the case needs failed.
func (r *runner) unreachable(ctx context.Context, k Case) string {
	if err := ctx.Err(); err != nil {
		return err.Error()
	}
	if r.dead != nil {
		return fmt.Sprintf("the driver answers no more: %v", r.dead)
	}
	for _, result := range r.report.Results {
		if slices.Contains(k.needs, result.Name) && blocks(result.Outcome) {
			return fmt.Sprintf("%s %s", result.Name, result.Outcome)
		}
	}
	return ""
}
