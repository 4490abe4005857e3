package cositest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// A hook that gives one answer to every question says nothing about the driver, whether the driver is right or not.
func TestHooksThatDoNothing(t *testing.T) {
	t.Parallel()
	access := []string{"CREATE-11", "DELETE-6", "GRANT-15", "REVOKE-3", "REVOKE-8", "ISOLATION-1", "ISOLATION-2", "GEN-15 revoke", "OUTAGE-6"}
	agree := func(_ *driver, cfg *cositest.Config) {
		cfg.Access = func(context.Context, cositest.Use) (bool, error) { return true, nil }
	}
	for _, tc := range []struct {
		name    string
		change  func(*driver, *cositest.Config)
		about   []string // cases that are not reached
		words   string   // of each reason
		blaming []string // cases that fail, since nothing shows whether the driver or the hook is to blame
	}{
		{"access that agrees", agree, access, "(-access-command) could not tell: it says that credentials that the kit made up work", nil},
		{"access that agrees, and a revoke that does nothing", func(d *driver, cfg *cositest.Config) {
			agree(d, cfg)
			d.idleRevoke()
		}, access, "(-access-command)", []string{"OUTAGE-4"}},
		{"access that agrees, by IAM", func(d *driver, cfg *cositest.Config) {
			agree(d, cfg)
			d.ref.only = cosi.AuthenticationType_IAM
		}, access, "(-access-command) could not tell: it says yes to both granted and denied", nil},
		{"access by an administrator's credentials", func(_ *driver, cfg *cositest.Config) {
			cfg.Access = func(_ context.Context, use cositest.Use) (bool, error) { return use.Expect == cositest.Granted, nil }
		}, access, "(-access-command) could not tell: it says that credentials that the kit made up work", nil},
		{"a count that never changes", func(_ *driver, cfg *cositest.Config) {
			cfg.CountAccounts = func(context.Context) (int, error) { return 7, nil }
		}, []string{"GRANT-5 accounts", "GRANT-12"}, "(-count-command) counts 7 accounts before a grant and 7 after it", nil},
		{"a foreign bucket that is not made", func(_ *driver, cfg *cositest.Config) {
			cfg.MakeForeignBucket = func(context.Context) (cositest.Foreign, error) {
				return cositest.Foreign{Name: "foreign-none", ID: "id-foreign-none", Exists: func(context.Context) (bool, error) { return false, nil }}, nil
			}
		}, []string{"CREATE-13", "DELETE-5"}, "(-foreign-command): it made bucket foreign-none, and says that there is none", nil},
		{"an outage that is none", func(_ *driver, cfg *cositest.Config) {
			cfg.Outage = func(context.Context, bool) error { return nil }
		}, []string{"OUTAGE-6", "NEXT-4"}, "(-outage-command)", []string{"OUTAGE-1", "OUTAGE-2", "OUTAGE-3", "OUTAGE-4"}},
		{"a restart that is none", func(_ *driver, cfg *cositest.Config) {
			cfg.Restart = func(context.Context) error { return nil }
		}, []string{"NEXT-1"}, "(-restart-command) restarted nothing", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			_, conn := d.serve(t)
			cfg := d.config()
			tc.change(d, &cfg)
			report := cositest.Check(t.Context(), conn, cfg)
			for _, r := range report.Results {
				want := cositest.Passed
				switch {
				case slices.Contains(tc.about, r.Name):
					want = cositest.NotReached
				case slices.Contains(tc.blaming, r.Name):
					want = cositest.Failed
				case r.Outcome == cositest.NotApplicable:
					continue
				}
				if strings.Contains(r.Reason, " reports: the hook") {
					t.Errorf("%s: no case reports a hook: %s", r.Name, r.Reason)
				}
				if r.Outcome != want || want == cositest.NotReached && !strings.Contains(r.Reason, tc.words) {
					t.Errorf("%s %s, want %s with %q: %s", r.Name, r.Outcome, want, tc.words, r.Reason)
				}
			}
			if report.OK() {
				t.Error("the report is OK")
			}
			for _, r := range report.Results {
				if hint := "unless the hook Config.Outage (-outage-command) did not take it away"; strings.HasPrefix(r.Name, "OUTAGE-") && r.Outcome == cositest.Failed &&
					!strings.Contains(r.Reason, hint) {
					t.Errorf("%s: reason %q lacks %q", r.Name, r.Reason, hint)
				}
			}
		})
	}
}

// idleRevoke answers a revoke with OK and does nothing.
func (d *driver) idleRevoke() {
	d.revoke = instead(d.revoke, func(r *revokeQ) (*revokeR, error) {
		if r.GetBucketId() != "" && r.GetAccountId() != "" {
			return &revokeR{}, nil
		}
		return nil, nil
	})
}

// A run asks its control question once, and an answer that tells nothing is not held against the hook.
func TestAccessIsAskedOnceForMadeUpCredentials(t *testing.T) {
	t.Parallel()
	d := newDriver()
	_, conn := d.serve(t)
	cfg := d.config()
	asked := 0
	cfg.Access = func(ctx context.Context, use cositest.Use) (bool, error) {
		if keys := use.Credentials["s3"].GetSecrets(); !d.ref.knows(keys["accessKeyID"]) && use.Expect == cositest.Granted {
			asked++
			if keys["endpoint"] == "" || keys["accessSecretKey"] == "" {
				t.Errorf("made-up credentials are %v, want all keys of those that were granted", keys)
			}
			return false, errors.New("no key looks like this")
		}
		return d.ref.access(ctx, use)
	}
	report := cositest.Check(t.Context(), conn, cfg)
	if asked != 1 || !report.Conforms() {
		t.Errorf("asked %d times, want once: %s", asked, report.Verdict())
	}
}

// knows says whether an account has the key.
func (s *store) knows(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.key == key {
			return true
		}
	}
	return false
}

// A store that has no accounts, not even after a grant, leaves nothing to count.
func TestStoreWithoutAccounts(t *testing.T) {
	t.Parallel()
	d := newDriver()
	_, conn := d.serve(t)
	cfg := d.config()
	cfg.CountAccounts = func(context.Context) (int, error) { return 0, nil }
	innocent{elsewhere: []string{"GRANT-10", "GRANT-5 accounts"}}.judge(t, d, conn, cfg)
}

// A driver that does not come back after its restart is not blamed for its ids.
func TestDriverThatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	d := newDriver()
	server, conn := d.serve(t)
	cfg := d.config()
	cfg.Timeout = short
	cfg.Restart = func(context.Context) error {
		server.Stop()
		return os.WriteFile(filepath.Join(d.folder, "cosi.sock"), nil, 0o600) // nobody listens there
	}
	report := cositest.Check(t.Context(), conn, cfg)
	const want = "the driver did not come back after its restart (Config.Restart, -restart-command): "
	for _, r := range report.Results {
		switch after := strings.HasPrefix(r.Name, "NEXT-"); {
		case after && (r.Outcome != cositest.NotReached || !strings.HasPrefix(r.Reason, want)):
			t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
		case !after && r.Outcome == cositest.Failed, len(r.LeftOver) > 0:
			t.Errorf("%s %s: %s (left over: %s)", r.Name, r.Outcome, r.Reason, r.LeftOver)
		case r.Name == "NEXT-1" && strings.Count(r.Reason, "connection refused") != 1:
			t.Errorf("NEXT-1: %s, want the refusal once", r.Reason)
		}
	}
	if v := report.Verdict(); !strings.HasPrefix(v, "cannot be told: ") || !strings.Contains(v, "did not come back after its restart") {
		t.Errorf("verdict %q", v)
	}
}

// A driver that takes a while to come back is not run again.
func TestDriverThatComesBackLate(t *testing.T) {
	t.Parallel()
	d := newDriver()
	p := &phoenix{driver: d, ends: func() bool { return false }}
	conn := p.rise(t)
	cfg := d.config()
	restarts := 0
	cfg.Restart = func(context.Context) error {
		restarts++
		p.mu.Lock()
		p.server.Stop()
		p.mu.Unlock()
		p.serving.Go(func() {
			time.Sleep(300 * time.Millisecond) // the kit gets refusals meanwhile
			p.mu.Lock()
			defer p.mu.Unlock()
			if err := p.listen(); err != nil {
				t.Error(err)
			}
		})
		return nil
	}
	innocent{elsewhere: []string{"GRANT-10"}}.judge(t, d, conn, cfg)
	if restarts != 1 {
		t.Errorf("%d restarts, want 1", restarts)
	}
}

// What is left over has a name even when the request had none.
func TestLeftOverWithoutAName(t *testing.T) {
	t.Parallel()
	d := newDriver()
	d.grant = instead(d.grant, func(r *grantQ) (*grantR, error) {
		if r.GetName() == "" || r.GetBucketId() == "" {
			return &grantR{Credentials: keys()}, nil
		}
		return nil, nil
	})
	_, conn := d.serve(t)
	left := leftOver(cositest.Check(t.Context(), conn, d.config()))
	if !strings.Contains(left, "an access without a name: ") || strings.Contains(left, "access :") || strings.Contains(left, "access  ") {
		t.Errorf("left over are %s", left)
	}
}

// The reason of a case about trouble names the case that reports what fails without it.
func TestPlainFailuresAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*driver)
		want   map[string]string // reasons begin so, by case
	}{
		"delete": {func(d *driver) {
			var s seen
			d.delete = reply(d.delete, func(r *deleteQ, _ *deleteR) { s.before(r.GetBucketId()) })
			d.delete = refuse(d.delete, codes.Internal, func(r *deleteQ) bool { return s.has(r.GetBucketId()) })
		}, map[string]string{"GEN-10": "DELETE-2", "GEN-15": "DELETE-2", "LOAD-1": "DELETE-2", "DELETE-4": "DELETE-2"}},
		"create": {func(d *driver) {
			d.create = refuse(d.create, codes.Internal, func(r *createQ) bool { return d.ref.has(r.GetName()) })
		}, map[string]string{"GEN-10": "CREATE-3"}},
		"grant": {func(d *driver) { d.grant = d.onRepeat(func(r *grantR) { r.Credentials = keys() }) }, map[string]string{"LOAD-1": "GRANT-5", "GEN-15 revoke": "GRANT-5"}},
		"revoke": {func(d *driver) {
			d.revoke = refuse(d.revoke, codes.Internal, func(r *revokeQ) bool { return r.GetAccountId() != "" && r.GetBucketId() != "" })
		}, map[string]string{"REVOKE-7": "REVOKE-4 or REVOKE-5", "LOAD-1": "REVOKE-4 or REVOKE-5", "OUTAGE-4": "REVOKE-4 or REVOKE-5"}},
		"idle revoke": {(*driver).idleRevoke, map[string]string{"ISOLATION-2": "REVOKE-3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			tc.change(d)
			_, conn := d.serve(t)
			all := cositest.Check(t.Context(), conn, d.config())
			for name, by := range tc.want {
				want := "the same without any trouble fails already, which " + by + " reports: "
				if got := resultOf(t, all, name); got.Outcome != cositest.NotReached || !strings.HasPrefix(got.Reason, want) {
					t.Errorf("%s %s: %s, want %s…", name, got.Outcome, got.Reason, want)
				}
			}
		})
	}
}

// A file next to the socket may be anybody's, and the reason says what to do then.
func TestFileThatIsNotTheDrivers(t *testing.T) {
	t.Parallel()
	d := newDriver()
	_, conn := d.serve(t)
	if err := os.WriteFile(filepath.Join(d.folder, "DIARY.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := resultOf(t, cositest.Check(t.Context(), conn, d.config()), "GEN-12")
	if want := "DIARY.md lies next to the socket; if it is not the driver's, give the socket a folder of its own"; got.Outcome != cositest.Failed ||
		!strings.HasSuffix(got.Reason, want) {
		t.Errorf("GEN-12 %s: %s, want …%s", got.Outcome, got.Reason, want)
	}
}
