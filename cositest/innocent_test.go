package cositest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// innocent is a driver that is right in every rule, of a shape that a kit might not expect.
type innocent struct {
	name  string
	setup func(*driver, *cositest.Config)

	elsewhere    []string // cases that do not apply
	advice       []string // cases that warn
	unconfigured []string // cases that this driver's store has no hook for
}

// No driver that is right in every rule is blamed, and its store is empty afterwards.
func TestInnocentDrivers(t *testing.T) {
	t.Parallel()
	for _, i := range innocents() {
		t.Run(i.name, func(t *testing.T) {
			t.Parallel()
			i.look(t)
		})
	}
}

// look holds the driver against the kit.
func (i innocent) look(t *testing.T) {
	t.Helper()
	d := newDriver()
	cfg := d.config()
	i.setup(d, &cfg)
	_, conn := d.serve(t)
	cfg.SocketFolder = d.folder
	i.judge(t, d, conn, cfg)
}

// judge runs the kit and compares what it says with what the driver is.
func (i innocent) judge(t *testing.T, d *driver, conn grpc.ClientConnInterface, cfg cositest.Config) *cositest.Report {
	t.Helper()
	report := cositest.Check(t.Context(), conn, cfg)
	found := map[cositest.Outcome][]string{}
	for _, r := range report.Results {
		found[r.Outcome] = append(found[r.Outcome], r.Name)
		if r.Outcome == cositest.Failed || r.Outcome == cositest.NotReached || len(r.LeftOver) > 0 {
			t.Errorf("%s %s: %s (left over: %s)", r.Name, r.Outcome, r.Reason, r.LeftOver)
		}
	}
	for outcome, want := range map[cositest.Outcome][]string{
		cositest.NotApplicable: i.elsewhere, cositest.Warned: i.advice, cositest.NotConfigured: i.unconfigured,
	} {
		if !slices.Equal(found[outcome], want) {
			t.Errorf("%s are %q, want %q", outcome, found[outcome], want)
		}
	}
	if conforms := len(i.unconfigured) == 0; report.Conforms() != conforms {
		t.Errorf("conforms: %t, want %t: %s", !conforms, conforms, report.Verdict())
	}
	if left := d.ref.left(); left != "" {
		t.Error("left in the store:", left)
	}
	return report
}

// innocents are right drivers, by what is unusual about them.
func innocents() []innocent {
	noAzure := []string{"GRANT-10"}
	return slices.Concat(innocentStores(), innocentIDs(), innocentLimits(), []innocent{
		{"keys", func(*driver, *cositest.Config) {}, noAzure, nil, nil},
		{"mandatory parameters", func(d *driver, _ *cositest.Config) { d.insist("access") }, []string{"CREATE-8", "GRANT-10", "GRANT-13"}, nil, nil},
		{"no parameters", noParameters, []string{"CREATE-4", "CREATE-7", "GRANT-10", "GRANT-11 conflict"}, nil, nil},
		{"derived secrets", func(d *driver, _ *cositest.Config) { d.derive() }, noAzure, []string{"REVOKE-8"}, nil},
	})
}

func innocentStores() []innocent {
	return []innocent{
		{"keys only", func(d *driver, _ *cositest.Config) { d.ref.only = cosi.AuthenticationType_Key }, []string{"GRANT-10", "GRANT-17"}, nil, nil},
		{"IAM only", func(d *driver, cfg *cositest.Config) {
			d.ref.only = cosi.AuthenticationType_IAM
			cfg.Access = nil // a hook cannot know the account, and credentials of this type hold no key
		}, []string{"GRANT-10", "GEN-11", "GEN-11 log"}, nil, []string{"CREATE-11", "DELETE-6", "REVOKE-3", "ISOLATION-1", "ISOLATION-2"}},
		{"Azure", func(d *driver, _ *cositest.Config) {
			d.ref.azure, d.ref.only = true, cosi.AuthenticationType_Key
			d.create = reply(d.create, func(_ *createQ, r *createR) {
				r.BucketInfo = &cosi.Protocol{Type: &cosi.Protocol_AzureBlob{AzureBlob: &cosi.AzureBlob{StorageAccount: "account"}}}
			})
		}, []string{"GRANT-9", "GRANT-9 region", "GRANT-17", "NEXT-3"}, nil, nil},
	}
}

func innocentIDs() []innocent {
	noAzure := []string{"GRANT-10"}
	return []innocent{
		{"hexadecimal ids", func(d *driver, cfg *cositest.Config) {
			d.hashAccounts()
			d.reshape(cfg, hexadecimal())
		}, noAzure, nil, nil},
		{"ids with a region", func(d *driver, cfg *cositest.Config) { d.reshape(cfg, prefixed("eu-1:")) }, noAzure, nil, nil},
		{"random ids", (*driver).random, noAzure, []string{"NEXT-1"}, nil},
		{"account ids that are names", func(d *driver, cfg *cositest.Config) { d.reshape(cfg, nameOnly()) }, noAzure, nil, nil},
		{"ids that are hashes", func(d *driver, cfg *cositest.Config) {
			d.hashAccounts()
			d.hashNames(cfg)
			d.reshape(cfg, hashes())
		}, noAzure, nil, nil},
		{"long names whole in ids", func(d *driver, cfg *cositest.Config) {
			d.hashNames(cfg)
			d.reshape(cfg, wholeNames())
		}, noAzure, nil, nil},
		{"OUT_OF_RANGE for long names", func(d *driver, _ *cositest.Config) {
			d.create = refuse(d.create, codes.OutOfRange, func(r *createQ) bool { return len(r.GetName()) > 128 })
		}, noAzure, nil, nil},
	}
}

// innocentLimits do not take every call at any time.
func innocentLimits() []innocent {
	noAzure := []string{"GRANT-10"}
	return []innocent{
		{"a slow store", func(d *driver, _ *cositest.Config) { d.ref.between = d.slowly }, noAzure, nil, nil},
		{"ABORTED for a bucket that is busy", func(d *driver, _ *cositest.Config) {
			d.ref.between = d.slowly
			d.abortBusy()
		}, noAzure, nil, nil},
		{"slow calls", func(d *driver, cfg *cositest.Config) { // as slow as TestSlowDrivers has them, divided by 10
			d.slowBy(slow)
			cfg.Repeat, cfg.Parallel = 1, 2
		}, noAzure, nil, nil},
		{"one call at a time", func(d *driver, _ *cositest.Config) { d.oneAfterAnother() }, noAzure, nil, nil},
		{"ABORTED but for one call", func(d *driver, _ *cositest.Config) { d.oneOrAborted() }, noAzure, nil, nil},
		{"ABORTED but for one of 80 calls", func(d *driver, cfg *cositest.Config) {
			d.oneOrAborted()
			cfg.Parallel = 80
		}, noAzure, nil, nil},
		{"five accesses for a bucket", func(d *driver, cfg *cositest.Config) {
			d.atMost(5)
			cfg.Parallel = 4
		}, noAzure, nil, nil},
		{"no delete of what is in use", func(d *driver, _ *cositest.Config) { d.keepUsed() }, []string{"GRANT-10", "REVOKE-7"}, nil, nil},
	}
}

// Whoever calls a right driver in each case alone, gets the same answers as who calls it in all.
func TestEachCaseAlone(t *testing.T) {
	t.Parallel()
	for _, i := range innocents() {
		if !slices.Contains([]string{"keys", "five accesses for a bucket", "no delete of what is in use", "IAM only"}, i.name) {
			continue
		}
		t.Run(i.name, func(t *testing.T) {
			t.Parallel()
			for _, k := range cositest.Cases() {
				i.alone(t, k)
			}
		})
	}
}

func (i innocent) alone(t *testing.T, k cositest.Case) {
	t.Helper()
	d := newDriver()
	cfg := d.config()
	i.setup(d, &cfg)
	_, conn := d.serve(t)
	cfg.SocketFolder = d.folder
	cfg.Only = func(other cositest.Case) bool { return other.Name == k.Name }
	want := cositest.Passed
	switch {
	case slices.Contains(i.elsewhere, k.Name):
		want = cositest.NotApplicable
	case slices.Contains(i.unconfigured, k.Name):
		want = cositest.NotConfigured
	}
	for _, r := range cositest.Check(t.Context(), conn, cfg).Results {
		if r.Outcome != want || len(r.LeftOver) > 0 {
			t.Errorf("%s alone %s, want %s: %s (left over: %s)", k.Name, r.Outcome, want, r.Reason, r.LeftOver)
		}
	}
}

// inEarnest makes slow drivers as slow as some are, which takes minutes.
var inEarnest = flag.Bool("slow", false, "test drivers that take half a second for each call")

// Calls may take a while, and may wait for each other much longer than any of them takes.
func TestSlowDrivers(t *testing.T) {
	t.Parallel()
	each, turn := 20*time.Millisecond, 10*time.Millisecond
	if *inEarnest {
		each, turn = 500*time.Millisecond, 100*time.Millisecond
	}
	for _, i := range []innocent{
		{"slow calls", func(d *driver, cfg *cositest.Config) {
			d.slowBy(each)
			cfg.Repeat, cfg.Parallel = 1, 2
		}, []string{"GRANT-10"}, nil, nil},
		{"80 calls that wait for each other", func(d *driver, cfg *cositest.Config) {
			d.oneAfterAnother()
			d.slowBy(turn)
			cfg.Repeat, cfg.Parallel, cfg.Timeout = 1, 80, 20*turn
		}, []string{"GRANT-10"}, nil, nil},
	} {
		t.Run(i.name, func(t *testing.T) {
			t.Parallel()
			i.look(t)
		})
	}
}

// Who does not give the parameters that a driver insists on hears of it, and the driver is not blamed.
func TestParametersThatAreMissing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		forget func(*cositest.Config)
		words  string // of the driver, about an access
		hint   string
	}{
		{"all", func(cfg *cositest.Config) { cfg.BucketParameters, cfg.AccessParameters = nil, nil }, "access", "(-parameters)"},
		{"a bucket's", func(cfg *cositest.Config) { cfg.BucketParameters = nil }, "access", "(-parameters)"},
		{"an access's", func(cfg *cositest.Config) { cfg.AccessParameters = nil }, "access", "(-access-parameters)"},
		{"an access's, which is about rights", func(cfg *cositest.Config) { cfg.AccessParameters = nil }, "authorization", "(-access-parameters)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			d.insist(tc.words)
			_, conn := d.serve(t)
			cfg := d.config()
			tc.forget(&cfg)
			report := cositest.Check(t.Context(), conn, cfg)
			for _, r := range report.Results {
				if r.Outcome == cositest.Failed || r.Outcome == cositest.Warned || len(r.LeftOver) > 0 {
					t.Errorf("%s %s: %s (left over: %s)", r.Name, r.Outcome, r.Reason, r.LeftOver)
				}
			}
			if verdict := report.Verdict(); report.OK() || !strings.HasPrefix(verdict, "cannot be told") || !strings.Contains(verdict, tc.hint) {
				t.Errorf("OK %t, verdict %q, want one with %q", report.OK(), verdict, tc.hint)
			}
			if left := d.ref.left(); left != "" {
				t.Error("left in the store:", left)
			}
		})
	}
}

// insist refuses requests that lack a parameter, and names it; the one of an access in other words, if need be.
func (d *driver) insist(access string) {
	d.create = instead(d.create, func(r *createQ) (*createR, error) {
		if r.GetName() != "" && r.GetParameters()["region"] == "" {
			return nil, invalid("region was not provided")
		}
		return nil, nil
	})
	d.grant = instead(d.grant, func(r *grantQ) (*grantR, error) {
		if r.GetParameters()["access"] == "" {
			return nil, invalid("%s was not provided", access)
		}
		return nil, nil
	})
}

// noParameters is a driver that has none, and a configuration that says so.
func noParameters(d *driver, cfg *cositest.Config) {
	none := map[string]string{}
	cfg.BucketParameters, cfg.AccessParameters = nil, nil
	cfg.IncompatibleBucketParameters, cfg.IncompatibleAccessParameters, cfg.UnprovisionableParameters = none, none, none
	d.create = refuse(d.create, codes.InvalidArgument, func(r *createQ) bool { return len(r.GetParameters()) > 0 })
	d.create = reply(d.create, func(_ *createQ, r *createR) { r.GetBucketInfo().GetS3().Region = "here" })
	d.grant = refuse(d.grant, codes.InvalidArgument, func(r *grantQ) bool { return len(r.GetParameters()) > 0 })
}

// derive computes an account's key and secret from its id, so that a grant after a revoke has the same ones.
func (d *driver) derive() {
	next := d.grant
	d.grant = func(ctx context.Context, r *grantQ) (*grantR, error) {
		response, err := next(ctx, r)
		if err != nil {
			return response, err
		}
		s := d.ref.store
		s.mu.Lock()
		defer s.mu.Unlock()
		a, ok := s.accounts[response.GetAccountId()]
		if !ok {
			return nil, status.Error(codes.Aborted, "the access was revoked meanwhile")
		}
		sum := sha256.Sum256([]byte("master key of the store/" + response.GetAccountId()))
		a.key, a.secret = hex.EncodeToString(sum[:8]), hex.EncodeToString(sum[8:])
		response.Credentials = d.ref.credentials(a, r.GetAuthenticationType())
		return response, nil
	}
}

// atMost keeps so many accesses for a bucket, as stores do that keep them in a bucket's policy.
func (d *driver) atMost(n int) {
	d.ref.between = nil
	next := d.grant
	turn := make(chan struct{}, 1)
	d.grant = func(ctx context.Context, r *grantQ) (*grantR, error) {
		turn <- struct{}{}
		defer func() { <-turn }()
		if d.ref.full(r, n) {
			return nil, status.Errorf(codes.FailedPrecondition, "the bucket has %d accesses, which is all that it can have", n)
		}
		return next(ctx, r)
	}
}

// full says that a bucket has so many accesses, and the one that is asked for is none of them.
func (s *store) full(r *grantQ, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[nameOf(r.GetBucketId())]
	return ok && len(b.policy) >= n && !slices.Contains(b.policy, accountOf(r.GetBucketId(), r.GetName()))
}

// keepUsed refuses to delete a bucket that an account has access to.
func (d *driver) keepUsed() {
	d.delete = refuse(d.delete, codes.FailedPrecondition, func(r *deleteQ) bool {
		s := d.ref.store
		s.mu.Lock()
		defer s.mu.Unlock()
		b, ok := s.buckets[nameOf(r.GetBucketId())]
		return ok && len(b.policy) > 0
	})
}
