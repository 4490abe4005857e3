package cositest_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// childMode is the variable that tells a child process of this test what to run.
const childMode = "COSITEST_CHILD"

// TestRunInChild is run by TestRun, in a process of its own: it fails on purpose.
func TestRunInChild(t *testing.T) {
	mode := os.Getenv(childMode)
	if mode == "" {
		t.Skip("is run by TestRun")
	}
	d := newDriver()
	if mode == "twice" {
		driver, err := gocosi.New(d, d, gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
		if err != nil {
			t.Fatal(err)
		}
		cositest.Start(t, driver)
		cositest.Start(t, driver)
		return
	}
	_, conn := d.serve(t)
	cfg := d.config()
	switch mode {
	case "broken":
		d.create = recode(d.create, codes.AlreadyExists, codes.Internal)
	case "advice":
		d.ref.name = "nodomain"
	case "hook":
		cfg.MakeForeignBucket = func(context.Context) (cositest.Foreign, error) { return cositest.Foreign{}, errors.New("on holiday") }
	case "slow":
		right := d.create
		d.create = func(ctx context.Context, r *createQ) (*createR, error) {
			select {
			case <-ctx.Done():
			case <-time.After(400 * time.Millisecond):
			}
			return right(ctx, r)
		}
	case "left over":
		d.revoke = refuse(d.revoke, codes.Unimplemented, func(*revokeQ) bool { return true })
	}
	cositest.Run(t, conn, cfg)
}

// timeouts are go test's, where a mode needs a short one.
var timeouts = map[string]string{"slow": "10s"}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mode, pattern string
		fails         bool
		want          []string // regular expressions
		wantNot       []string
	}{
		{"right", "", false, []string{
			`--- PASS: TestRunInChild/INFO-1 `, `--- PASS: TestRunInChild/GRANT-9_region `, `--- SKIP: TestRunInChild/GRANT-10 `,
			`not applicable: the credentials are not for azure`, `conforms: `,
		}, []string{"--- FAIL", "advice:", "left over"}},
		{"broken", "", true, []string{
			`--- FAIL: TestRunInChild/CREATE-4 `, `the same name with other parameters is refused with INTERNAL: .*; want ALREADY_EXISTS`,
			`MUST CREATE-4: Refuses the same name with other parameters: ALREADY_EXISTS\.`, `--- PASS: TestRunInChild/CREATE-3 `,
			`does not conform: `,
		}, []string{"although none failed"}},
		{"advice", "", false, []string{
			`--- PASS: TestRunInChild/INFO-4 `, `advice: "nodomain" has no dot`, `SHOULD INFO-4: `,
		}, []string{"--- FAIL"}},
		{"hook", "", true, []string{
			`--- SKIP: TestRunInChild/CREATE-13 `, `not reached: the hook Config\.MakeForeignBucket \(-foreign-command\): on holiday`, `cases were not reached, although none failed`,
			`cannot be told: \d+ of \d+ cases checked, 2 not reached`,
		}, []string{"--- FAIL: TestRunInChild/"}},
		{"left over", "", false, []string{`left over: account account-ba-`}, []string{"--- FAIL"}},
		{"right", "/^GRANT-5$", false, []string{
			`--- PASS: TestRunInChild/GRANT-5 `, `no fault found in what was checked: 1 of `,
		}, []string{"TestRunInChild/INFO-1", "--- FAIL"}},
		{"right", "/none", false, nil, []string{"--- FAIL"}},
		{"slow", "", true, []string{
			`--- PASS: TestRunInChild/INFO-1 `, `not reached: go test's -timeout is about to end`, `cannot be told: \d+ of \d+ cases checked, \d+ not reached`,
			`cases were not reached, although none failed`,
		}, []string{"panic:", "--- FAIL: TestRunInChild/"}},
		{"twice", "", true, []string{`--- FAIL: TestRunInChild `}, nil},
	} {
		t.Run(tc.mode+tc.pattern, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run=^TestRunInChild$"+tc.pattern, "-test.timeout="+cmp.Or(timeouts[tc.mode], "10m"))
			cmd.Env = append(os.Environ(), childMode+"="+tc.mode)
			out, err := cmd.CombinedOutput()
			if (err != nil) != tc.fails {
				t.Errorf("%v\n%s", err, out)
			}
			for _, want := range tc.want {
				if !regexp.MustCompile(want).Match(out) {
					t.Errorf("the output lacks %q:\n%s", want, out)
				}
			}
			for _, not := range tc.wantNot {
				if strings.Contains(string(out), not) {
					t.Errorf("the output has %q:\n%s", not, out)
				}
			}
		})
	}
}

// TestStart serves a driver of gocosi's, which mends some faults: a bare one is served by the other tests.
func TestStart(t *testing.T) {
	t.Parallel()
	d := newDriver()
	driver, err := gocosi.New(d, d, gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
	if err != nil {
		t.Fatal(err)
	}
	cfg := d.config()
	cfg.SocketFolder, cfg.Log, cfg.Restart = "", nil, nil // none of which this way of serving has
	report := cositest.Check(t.Context(), cositest.Start(t, driver), cfg)
	if !report.OK() {
		t.Error(report.Verdict())
	}
	if left := d.ref.left(); left != "" {
		t.Error("left in the store:", left)
	}
}

func TestOnlyAndSkip(t *testing.T) {
	t.Parallel()
	d := newDriver()
	_, conn := d.serve(t)
	var told []string
	cfg := d.config()
	cfg.Only = func(c cositest.Case) bool { return c.RPC == "DriverCreateBucket" }
	cfg.Skip = map[string]string{"CREATE-8": "by id", "CREATE-3": "by name", "CREATE-13": ""}
	cfg.OnResult = func(r cositest.Result) { told = append(told, r.Name) }
	report := cositest.Check(t.Context(), conn, cfg)
	var names []string
	for _, r := range report.Results {
		names = append(names, r.Name)
		want := map[string]string{"CREATE-8": "by id", "CREATE-8 unknown": "by id", "CREATE-3": "by name"}[r.Name]
		if skipped := r.Outcome == cositest.Skipped; skipped != (want != "") || skipped && r.Reason != want {
			t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
		}
		if r.RPC != "DriverCreateBucket" {
			t.Errorf("%s was looked at", r.Name)
		}
	}
	if !slices.Equal(told, names) || len(names) == 0 {
		t.Errorf("told of %q, reported %q", told, names)
	}
}

// What the configuration says of authentication types is held against the driver.
func TestAuthenticationTypes(t *testing.T) {
	t.Parallel()
	const key, iam = cosi.AuthenticationType_Key, cosi.AuthenticationType_IAM
	for _, tc := range []struct {
		name    string
		only    cosi.AuthenticationType // of the driver
		types   []cosi.AuthenticationType
		outcome cositest.Outcome
		reason  string
	}{
		{"both, nothing said", 0, nil, cositest.Passed, ""},
		{"both, both said", 0, []cosi.AuthenticationType{iam, key}, cositest.Passed, ""},
		{"both, one said", 0, []cosi.AuthenticationType{key}, cositest.Passed, ""},
		{"Key, nothing said", key, nil, cositest.Passed, ""},
		{"Key, both said", key, []cosi.AuthenticationType{key, iam}, cositest.Failed, "IAM, which AuthenticationTypes has, is refused"},
		{"IAM, nothing said", iam, nil, cositest.Passed, ""},
		{"IAM, Key said", iam, []cosi.AuthenticationType{key}, cositest.Failed, "Key, which AuthenticationTypes has, is refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDriver()
			d.ref.only = tc.only
			_, conn := d.serve(t)
			cfg := d.config()
			cfg.AuthenticationTypes, cfg.Access = tc.types, nil // the store has no protocol for IAM
			report := cositest.Check(t.Context(), conn, cfg)
			for _, r := range report.Results {
				switch {
				case r.Name == "GRANT-4":
					if r.Outcome != tc.outcome || !strings.Contains(r.Reason, tc.reason) {
						t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
					}
				case r.Outcome == cositest.Failed || r.Outcome == cositest.Warned:
					t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
				case tc.outcome == cositest.Passed && r.Outcome == cositest.NotReached:
					t.Errorf("%s %s: %s", r.Name, r.Outcome, r.Reason)
				}
			}
		})
	}
}

// TestStartTellsItsSocket reads the socket's path off the connection, as a test does that looks at the socket's folder.
func TestStartTellsItsSocket(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &harness.Handlers{}, gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	target := cositest.Start(t, driver).Target()
	path, ok := strings.CutPrefix(target, "unix://")
	if !ok {
		t.Fatalf("the target is %q; want unix:// and a path", target)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
