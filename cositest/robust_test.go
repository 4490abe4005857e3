package cositest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// short is the timeout of calls to servers that do not answer.
const short = time.Second

// check runs the kit with a short timeout, and fails when it takes longer than so many timeouts.
func check(t *testing.T, conn grpc.ClientConnInterface, cfg cositest.Config, timeouts int) *cositest.Report {
	t.Helper()
	cfg.Timeout = short
	begin := time.Now()
	report := cositest.Check(t.Context(), conn, cfg)
	if took, most := time.Since(begin), time.Duration(timeouts)*short+running; took > most {
		t.Errorf("took %s, longer than %s", took, most)
	}
	if len(report.Results) != len(cositest.Cases()) {
		t.Errorf("%d results for %d cases", len(report.Results), len(cositest.Cases()))
	}
	if report.OK() {
		t.Error("the report is OK")
	}
	return report
}

// running is what a run may take on a machine that is busy, beyond what it waits for.
const running = 20 * time.Second

// failedAlone expects a case to fail with the words, no other to fail or warn, and none after it to be reached.
func failedAlone(t *testing.T, report *cositest.Report, name string, words ...string) {
	t.Helper()
	passed := false
	for _, r := range report.Results {
		switch {
		case r.Name == name:
			if passed = true; r.Outcome != cositest.Failed {
				t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
			}
			for _, w := range words {
				if !strings.Contains(r.Reason, w) {
					t.Errorf("%s says %q, which lacks %q", r.Name, r.Reason, w)
				}
			}
		case r.Outcome == cositest.Failed || r.Outcome == cositest.Warned, passed && r.Outcome != cositest.NotReached:
			t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
		}
	}
}

// answering accepts connections and writes the text to each.
func answering(t *testing.T, text string, keep bool) *grpc.ClientConn {
	t.Helper()
	lis, path := listen(t, harness.ShortDir(t))
	var accepting sync.WaitGroup
	var conns []net.Conn
	accepting.Go(func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			if _, _ = conn.Write([]byte(text)); keep {
				conns = append(conns, conn)
			} else {
				conn.Close()
			}
		}
	})
	t.Cleanup(func() {
		lis.Close()
		accepting.Wait()
		for _, conn := range conns {
			conn.Close()
		}
	})
	return harness.Dial(t, path)
}

func TestWhatIsNoDriver(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		conn    func(*testing.T) *grpc.ClientConn
		want    string
		answers bool // calls, so that more cases can be looked at
	}{
		{"a server of something else", func(t *testing.T) *grpc.ClientConn {
			d := newDriver()
			d.register = func(*grpc.Server) {}
			_, conn := d.serve(t)
			return conn
		}, "is not implemented: unknown service cosi.v1alpha1.Identity", false},
		{"a server that speaks HTTP/1", func(t *testing.T) *grpc.ClientConn {
			return answering(t, "HTTP/1.1 400 Bad Request\r\n\r\n", false)
		}, "the driver no longer answers", false},
		{"garbage", func(t *testing.T) *grpc.ClientConn {
			return answering(t, strings.Repeat("\x00\xff\x17garbage", 1000), false)
		}, "the driver no longer answers", false},
		{"garbage, and then nothing", func(t *testing.T) *grpc.ClientConn {
			return answering(t, "\x00\x00\x01\x04", true)
		}, "DriverGetInfo did not answer within " + short.String(), false},
		{"a socket that nobody accepts from", func(t *testing.T) *grpc.ClientConn {
			_, path := listen(t, harness.ShortDir(t))
			return harness.Dial(t, path)
		}, "DriverGetInfo did not answer within " + short.String(), false},
		{"a dead socket", func(t *testing.T) *grpc.ClientConn {
			lis, path := listen(t, harness.ShortDir(t))
			lis.(*net.UnixListener).SetUnlinkOnClose(false)
			lis.Close()
			if _, err := os.Stat(path); err != nil {
				t.Fatal(err)
			}
			return harness.Dial(t, path)
		}, "connection refused", false},
		{"no socket", func(t *testing.T) *grpc.ClientConn { return harness.Dial(t, harness.ShortDir(t)+"/none.sock") }, "no such file", false},
		{"messages that are none", func(t *testing.T) *grpc.ClientConn {
			d := newDriver()
			d.options = []grpc.ServerOption{grpc.ForceServerCodec(babble{})}
			_, conn := d.serve(t)
			return conn
		}, "unmarshal", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			report := check(t, tc.conn(t), cositest.Config{}, 3)
			if report.Results[0].Outcome != cositest.Failed || !strings.Contains(report.Results[0].Reason, tc.want) {
				t.Errorf("INFO-1 %s: %s", report.Results[0].Outcome, report.Results[0].Reason)
			}
			if n := strings.Count(report.Results[0].Reason, "connection refused"); n > 1 {
				t.Errorf("INFO-1 names the cause %d times: %s", n, report.Results[0].Reason)
			}
			if tc.answers {
				return
			}
			failedAlone(t, report, "INFO-1", tc.want)
			if want := "does not conform: 1 failed (INFO-1), 1 of "; !strings.HasPrefix(report.Verdict(), want) {
				t.Errorf("verdict %q, want %q…", report.Verdict(), want)
			}
		})
	}
}

// babble is a codec that reads everything and writes nothing that can be read.
type babble struct{}

func (babble) Marshal(any) ([]byte, error) { return []byte("\xff\xff\xff\xff"), nil }
func (babble) Unmarshal([]byte, any) error { return nil }
func (babble) Name() string                { return "proto" }

// hang answers none of the requests that when names; nil: none at all.
func hang[Q, R any](next handler[Q, R], when func(*Q) bool) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		if when == nil || when(r) {
			return nil, wait(ctx, time.Hour)
		}
		return next(ctx, r)
	}
}

// A driver that hangs costs a few timeouts, however many cases there are.
func TestDriversThatHang(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*driver)
		failed string // the first case that fails
		words  string
	}{
		{"in all", func(d *driver) {
			d.info, d.create, d.delete, d.grant, d.revoke = hang(d.info, nil), hang(d.create, nil), hang(d.delete, nil), hang(d.grant, nil), hang(d.revoke, nil)
		}, "INFO-1", "DriverGetInfo"},
		{"in DriverGetInfo", func(d *driver) { d.info = hang(d.info, nil) }, "INFO-1", "DriverGetInfo"},
		{"in DriverCreateBucket", func(d *driver) { d.create = hang(d.create, nil) }, "CREATE-1", "DriverCreateBucket"},
		{"in DriverDeleteBucket", func(d *driver) { d.delete = hang(d.delete, nil) }, "DELETE-1", "DriverDeleteBucket"},
		{"in DriverGrantBucketAccess", func(d *driver) { d.grant = hang(d.grant, nil) }, "GRANT-4", "DriverGrantBucketAccess"},
		{"in DriverRevokeBucketAccess", func(d *driver) { d.revoke = hang(d.revoke, nil) }, "REVOKE-5", "DriverRevokeBucketAccess"},
		{"for a request", func(d *driver) {
			d.grant = hang(d.grant, func(r *grantQ) bool { return r.GetName() == "" })
		}, "GRANT-2", "DriverGrantBucketAccess"},
		{"after a while, in all", func(d *driver) {
			var hung atomic.Bool
			when := func() bool {
				if d.in("GRANT-5") {
					hung.Store(true)
				}
				return hung.Load()
			}
			d.info = hang(d.info, func(*infoQ) bool { return when() })
			d.create = hang(d.create, func(*createQ) bool { return when() })
			d.delete = hang(d.delete, func(*deleteQ) bool { return when() })
			d.revoke = hang(d.revoke, func(*revokeQ) bool { return when() })
		}, "GRANT-5", "the driver no longer answers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			tc.change(d)
			_, conn := d.serve(t)
			report := check(t, conn, d.config(), 6)
			first := true
			for _, r := range report.Results {
				if r.Outcome == cositest.Warned || r.Outcome == cositest.Failed && !strings.Contains(r.Reason, tc.words) {
					t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
				}
				if r.Outcome == cositest.Failed && first && r.Name != tc.failed {
					t.Errorf("%s failed first, want %s: %s", r.Name, tc.failed, r.Reason)
				}
				first = first && r.Outcome != cositest.Failed
			}
			if first {
				t.Error("no case failed")
			}
		})
	}
}

// A bucket that is busy for ever costs a few timeouts too.
func TestDriversThatAbortForEver(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*driver)
	}{
		{"every delete", func(d *driver) { d.delete = refuse(d.delete, codes.Aborted, func(*deleteQ) bool { return true }) }},
		{"after a create that was cut short", func(d *driver) {
			var half seen
			d.create = halfWay(d, &half, (*createQ).GetName, d.create)
			d.create = refuse(d.create, codes.Aborted, func(r *createQ) bool { return half.has(r.GetName()) })
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			tc.change(d)
			_, conn := d.serve(t)
			if check(t, conn, d.config(), 6).Count(cositest.Failed) == 0 {
				t.Error("no case failed")
			}
		})
	}
}

// When one RPC hangs, the others are used to clean up all the same.
func TestCleansUpAroundAHang(t *testing.T) {
	t.Parallel()
	d := newDriver()
	d.revoke = hang(d.revoke, nil)
	_, conn := d.serve(t)
	check(t, conn, d.config(), 6)
	if left := d.ref.left(); left != "" {
		t.Error("left in the store:", left)
	}
}

// A driver whose process dies fails the case that it died in, whatever the case is about.
func TestDriversThatDie(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string // of the case
		change func(d *driver, die func())
	}{
		{"CREATE-8", func(d *driver, die func()) {
			d.create = ask(d.create, func(r *createQ) {
				if len(r.GetParameters()) == 0 && r.GetName() != "" {
					die()
				}
			})
		}},
		{"CREATE-9", func(d *driver, die func()) { // which gives advice only
			d.create = reply(d.create, func(*createQ, *createR) {
				if d.in("CREATE-9") {
					die()
				}
			})
		}},
		{"DELETE-3", func(d *driver, die func()) { // which also passes: the driver dies while the case cleans up
			var deletes atomic.Int32
			d.delete = ask(d.delete, func(*deleteQ) {
				if d.in("DELETE-3") && deletes.Add(1) > 3 {
					die()
				}
			})
		}},
		{"GRANT-15", func(d *driver, die func()) {
			d.grant = ask(d.grant, func(*grantQ) {
				if d.in("GRANT-15") {
					die()
				}
			})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			dead := make(chan struct{})
			var server *grpc.Server
			tc.change(d, func() {
				go server.Stop() // it waits for this handler
				<-dead
			})
			server, conn := d.serve(t)
			defer close(dead)
			report := check(t, conn, d.config(), 4)
			failedAlone(t, report, tc.name, "the driver no longer answers")
			if left := d.ref.left(); left != "" && leftOver(report) == "" {
				t.Error("left in the store, and not reported:", left)
			}
		})
	}
}

// leftOver is what the report says is left over.
func leftOver(report *cositest.Report) string {
	var text strings.Builder
	for _, r := range report.Results {
		fmt.Fprint(&text, r.LeftOver)
	}
	return text.String()
}

// losing does the work and then loses the answer of the call at which end says true: it waits until the caller is gone.
func losing[Q, R any](next handler[Q, R], end func() bool) handler[Q, R] {
	return func(ctx context.Context, r *Q) (*R, error) {
		response, err := next(ctx, r)
		if err == nil && end() {
			<-ctx.Done()
		}
		return response, err
	}
}

// When the context ends, the case that runs and those behind it are not reached, and what was made is removed.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"CREATE-3", "GRANT-14", "GRANT-15", "REVOKE-4", "GEN-15", "GEN-10"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var calls atomic.Int32
			end := func() bool { // in the midst of the case: with the second call that it makes
				if !d.in(name) || calls.Add(1) != 2 {
					return false
				}
				cancel()
				return true
			}
			d.create, d.grant = losing(d.create, end), losing(d.grant, end)
			_, conn := d.serve(t)
			report := cositest.Check(ctx, conn, d.config())
			over := false
			for _, r := range report.Results {
				over = over || r.Name == name
				if over != (r.Outcome == cositest.NotReached && strings.Contains(r.Reason, "context canceled")) || len(r.LeftOver) > 0 {
					t.Errorf("%s %s: %s (left over: %s)", r.Name, r.Outcome, r.Reason, r.LeftOver)
				}
			}
			if left := d.ref.left(); left != "" {
				t.Error("left in the store:", left)
			}
		})
	}
}

// When the context ends and the driver hangs, the clean-up is given up after a while, and what is left is reported.
func TestContextEndsAndDriverHangs(t *testing.T) {
	t.Parallel()
	d := newDriver()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.create = reply(d.create, func(*createQ, *createR) { cancel() })
	d.delete = hang(d.delete, nil)
	_, conn := d.serve(t)
	cfg := d.config()
	cfg.Timeout = 2 * limit
	begin := time.Now()
	report := cositest.Check(ctx, conn, cfg)
	if took := time.Since(begin); took > limit {
		t.Errorf("took %s", took)
	}
	if left := d.ref.left(); left == "" || leftOver(report) == "" {
		t.Errorf("left in the store: %q, reported: %q", left, leftOver(report))
	}
}

func TestContextWithDeadline(t *testing.T) {
	t.Parallel()
	d := newDriver()
	d.grant = hang(d.grant, nil)
	_, conn := d.serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	report := cositest.Check(ctx, conn, d.config()) // with the usual timeout, which is longer
	if n := report.Count(cositest.Failed) + report.Count(cositest.Warned); n > 0 || report.OK() {
		t.Errorf("%d failed or warned, OK %t", n, report.OK())
	}
	if left := d.ref.left(); left != "" {
		t.Error("left in the store:", left)
	}
}

// The driver sees calls as the sidecar makes them: without a deadline.
func TestCallsHaveNoDeadline(t *testing.T) {
	t.Parallel()
	d := newDriver()
	var calls, limited atomic.Int32
	d.before = func(ctx context.Context) {
		calls.Add(1)
		if _, ok := ctx.Deadline(); ok {
			limited.Add(1)
		}
	}
	_, conn := d.serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cositest.Check(ctx, conn, d.config())
	if calls.Load() == 0 || limited.Load() > 0 {
		t.Errorf("%d of %d calls had a deadline", limited.Load(), calls.Load())
	}
}

// What needs an RPC that a driver says it does not support does not apply, and is no fault. Such a driver does not conform.
func TestUnsupportedRPCs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*driver)
		about  []string // cases that cannot apply
	}{
		{"grant and revoke", func(d *driver) {
			d.grant = refuse(d.grant, codes.Unimplemented, func(*grantQ) bool { return true })
			d.revoke = refuse(d.revoke, codes.Unimplemented, func(*revokeQ) bool { return true })
		}, []string{"GRANT-1", "GRANT-4", "GRANT-5", "GRANT-12", "GRANT-15", "REVOKE-3", "REVOKE-5", "GEN-11", "GEN-15 grant", "CREATE-11"}},
		{"revoke", func(d *driver) {
			d.revoke = refuse(d.revoke, codes.Unimplemented, func(*revokeQ) bool { return true })
		}, []string{"REVOKE-1", "REVOKE-3", "REVOKE-4", "REVOKE-5", "REVOKE-6", "REVOKE-8"}},
		{"delete", func(d *driver) {
			d.delete = refuse(d.delete, codes.Unimplemented, func(*deleteQ) bool { return true })
		}, []string{"DELETE-1", "DELETE-2", "DELETE-3", "DELETE-4", "DELETE-5", "DELETE-6", "REVOKE-7"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			tc.change(d)
			_, conn := d.serve(t)
			report := cositest.Check(t.Context(), conn, d.config())
			skipped := map[string]bool{}
			for _, r := range report.Results {
				skipped[r.Name] = r.Outcome == cositest.NotApplicable
				if r.Outcome != cositest.NotApplicable && r.Outcome != cositest.Passed {
					t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
				}
			}
			for _, name := range tc.about {
				if !skipped[name] {
					t.Errorf("%s applies", name)
				}
			}
			if report.Conforms() || !strings.Contains(report.Verdict(), "(not implemented)") {
				t.Errorf("verdict %q", report.Verdict())
			}
		})
	}
}

// A hook that fails is no fault of the driver's, and no success either.
func TestHooksThatFail(t *testing.T) {
	t.Parallel()
	d := newDriver()
	_, conn := d.serve(t)
	cfg := d.config()
	broken := errors.New("the store is on holiday")
	cfg.MakeForeignBucket = func(context.Context) (cositest.Foreign, error) { return cositest.Foreign{}, broken }
	cfg.CountAccounts = func(context.Context) (int, error) { return 0, broken }
	cfg.SocketFolder += "/none"
	cfg.Access = func(context.Context, cositest.Use) (bool, error) { return false, broken }
	cfg.Outage = func(_ context.Context, begin bool) error {
		if begin {
			return broken
		}
		return nil
	}
	report := cositest.Check(t.Context(), conn, cfg)
	want := map[string]bool{"CREATE-13": true, "DELETE-5": true, "GRANT-5 accounts": true, "GRANT-12": true, "GEN-12": true, "GRANT-15": true, "OUTAGE-1": true}
	for _, r := range report.Results {
		if r.Outcome == cositest.Failed || r.Outcome == cositest.Warned || want[r.Name] && r.Outcome != cositest.NotReached {
			t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
		}
	}
	if report.OK() || !strings.HasPrefix(report.Verdict(), "cannot be told") {
		t.Errorf("OK %t, verdict %q", report.OK(), report.Verdict())
	}
}

// A hook that says no to everything is broken, and tells nothing of the driver.
func TestHookThatContradictsItself(t *testing.T) {
	t.Parallel()
	d := newDriver()
	_, conn := d.serve(t)
	cfg := d.config()
	cfg.Access = func(context.Context, cositest.Use) (bool, error) { return false, nil }
	about := []string{"CREATE-11", "DELETE-6", "GRANT-15", "REVOKE-3", "REVOKE-8", "ISOLATION-1", "ISOLATION-2", "GEN-15 revoke", "OUTAGE-6"}
	for _, r := range cositest.Check(t.Context(), conn, cfg).Results {
		switch {
		case r.Outcome == cositest.Failed, r.Outcome == cositest.Warned:
			t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
		case slices.Contains(about, r.Name) && (r.Outcome != cositest.NotReached || !strings.Contains(r.Reason, "both granted and denied")):
			t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
		}
	}
}
