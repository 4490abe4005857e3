//go:build unix

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// What the commands say reaches the cases that need them.
func TestCheckWithHooks(t *testing.T) {
	t.Parallel()
	knows := `read request; case $request in *` + canary + `-*'"expect":"granted"'*) exit 0;; esac; `
	for _, one := range []struct {
		name, flag, command string
		run                 string
		want                cositest.Outcome
		words               []string // of the reason
	}{
		{"access", "-access-command", knows + "exit 9", "CREATE-11", cositest.Passed, nil},
		{"no access", "-access-command", `grep -q '"expect":"denied"'`, "CREATE-11", cositest.Failed, []string{"no object can be put"}},
		{"access that is always wrong", "-access-command", "exit 1", "CREATE-11", cositest.NotReached, []string{"both granted and denied"}},
		{"access that nobody knows of", "-access-command", "echo no route >&2; exit 2", "CREATE-11", cositest.NotReached, []string{"could not tell", "exit status 2", "no route"}},
		{"access that stays", "-access-command", knows + "exit 1", "REVOKE-3", cositest.Failed, []string{"the credentials work after the revoke"}},
		{"access that is late", "-access-command", "sleep 100", "CREATE-11", cositest.NotReached, []string{"was killed", "in time"}},
		{"foreign", "-foreign-command", "exit 3", "CREATE-13", cositest.NotReached, []string{"exit status 3"}},
		{"access that agrees with everything", "-access-command", "exit 0", "CREATE-11", cositest.NotReached, []string{"(-access-command) could not tell", "made up"}},
		{"count that does not change", "-count-command", `echo '{"accounts": 1}'`, "GRANT-5 accounts", cositest.NotReached, []string{"(-count-command) counts 1 accounts"}},
		{"count of garbage", "-count-command", "echo 1", "GRANT-5 accounts", cositest.NotReached, []string{`{"accounts": N}`}},
		{"outage", "-outage-command", "true", "OUTAGE-5", cositest.Passed, nil},
		{"outage that is none", "-outage-command", "exit 0", "OUTAGE-1", cositest.Failed, []string{"while the store is away"}},
		{"foreign bucket that is none", "-foreign-command", "echo '{}'", "DELETE-5", cositest.NotReached, []string{"(-foreign-command)", "that nobody made"}},
		{"restart that is none", "-restart-command", "true", "NEXT-1", cositest.NotReached, []string{"(-restart-command) restarted nothing"}},
		{"restart that fails", "-restart-command", "exit 1", "NEXT-1", cositest.NotReached, []string{"did not do it"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			o := cosictl(t, "", drive(t, &store{}), "check", "-o", "json", "-run", "^"+one.run+"$", "-hook-timeout", "2s", one.flag, one.command)
			r := readReport(t, o.stdout)
			got := r.of(t, one.run)
			if got.Outcome != one.want {
				t.Errorf("%s: %s", got.Outcome, got.Reason)
			}
			for _, word := range one.words {
				if !strings.Contains(got.Reason, word) {
					t.Errorf("reason %q lacks %q", got.Reason, word)
				}
			}
		})
	}
}

// A command that counts what grants make is believed.
func TestCheckWithCount(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := drive(t, &store{grant: func(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) error {
		if r.GetName() == "" || r.GetBucketId() == "" {
			return nil
		}
		return os.WriteFile(filepath.Join(folder, r.GetName()), nil, 0o600)
	}})
	count := "set -- $(ls " + folder + "); echo \"{\\\"accounts\\\": $#}\""
	r := readReport(t, must(t, "", path, "check", "-o", "json", "-run", "^GRANT-5 accounts$", "-count-command", count))
	if got := r.of(t, "GRANT-5 accounts"); got.Outcome != cositest.Passed {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
}

// A command that restarts the driver is believed.
func TestCheckWithRestart(t *testing.T) {
	t.Parallel()
	s := &store{}
	server, path := bare(t, s)
	asked := filepath.Join(t.TempDir(), "asked")
	restarted := make(chan error, 1)
	go func() {
		for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if os.Remove(asked) != nil {
				continue
			}
			server.Stop()
			lis, err := net.Listen("unix", path)
			if err == nil {
				next := grpc.NewServer()
				cosi.RegisterIdentityServer(next, s)
				cosi.RegisterProvisionerServer(next, s)
				t.Cleanup(next.Stop)
				go func() { _ = next.Serve(lis) }()
			}
			restarted <- err
			return
		}
		restarted <- errors.New("nobody asked for a restart")
	}()
	o := cosictl(t, "", path, "check", "-o", "json", "-run", "^NEXT-1$", "-restart-command", "touch "+asked+"; while test -e "+asked+"; do sleep 0.01; done")
	if err := <-restarted; err != nil {
		t.Fatal(err)
	}
	r := readReport(t, o.stdout)
	if got := r.of(t, "NEXT-1"); got.Outcome != cositest.Passed || got.Reason != "" {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
}

// A bucket that a command made is known to the driver as somebody else's, and is removed.
func TestCheckWithForeignBuckets(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	command := `read request; name=$(printf %s "$request" | sed 's/.*"name":"\([^"]*\)".*/\1/'); cd ` + folder + `
case $request in *make*) touch "$name" removed-not && echo '{}';; *exists*) test -e "$name";; *remove*) rm "$name";; esac`
	path := drive(t, &store{create: func(_ context.Context, r *cosi.DriverCreateBucketRequest) error {
		if _, err := os.Stat(filepath.Join(folder, r.GetName())); err == nil {
			return status.Error(codes.AlreadyExists, "somebody else has it")
		}
		return nil
	}})
	r := readReport(t, must(t, "", path, "check", "-o", "json", "-run", "^CREATE-13$", "-foreign-command", command))
	if got := r.of(t, "CREATE-13"); got.Outcome != cositest.Passed || len(got.LeftOver) > 0 {
		t.Errorf("%s: %s, left over: %s", got.Outcome, got.Reason, got.LeftOver)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 || left[0].Name() != "removed-not" {
		t.Errorf("left are %v (%v)", left, err)
	}
}

// A command's errors do not bring secrets to the screen, not even a part of one that has several lines.
func TestHookErrorsAreMasked(t *testing.T) {
	t.Parallel()
	first := strings.Repeat("first-line-", 100)
	_, path := bare(t, &store{protocol: "gcs", secrets: map[string]string{"privateKey": "first-line\n" + canary, "x": canary + "-2"}})
	command := `read request; echo ` + first + ` >&2; echo the key is "$request" >&2; echo ` + canary + ` >&2; exit 3`
	o := cosictl(t, "", path, "check", "-run", "^CREATE-11$", "-access-command", command)
	hides(t, "stdout", o.stdout)
	if !strings.Contains(o.stdout, "exit status 3") || !strings.Contains(o.stdout, "[redacted]") || o.code != exitFailed {
		t.Errorf("exit code %d, stdout %s", o.code, o.stdout)
	}
}

// A check that is interrupted while the store is away gives it back.
func TestInterruptedOutageEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	file := filepath.Join(t.TempDir(), "asked")
	path := drive(t, &store{create: func(context.Context, *cosi.DriverCreateBucketRequest) error {
		if _, err := os.Stat(file); err == nil {
			cancel()
		}
		return nil
	}})
	o := cosictlUntil(ctx, "", "check", "-endpoint", path, "-run", "^OUTAGE-1$", "-outage-command", "cat >> "+file)
	if o.code != exitFailed || o.stderr != "cosictl: check: interrupted\n" {
		t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
	}
	asked, err := os.ReadFile(file)
	if want := `{"do":"begin"}` + "\n" + `{"do":"end"}` + "\n"; err != nil || string(asked) != want {
		t.Errorf("asked were %q (%v)", asked, err)
	}
}

// What the driver writes during the check is searched; what stood there before is not.
func TestCheckReadsTheLog(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name   string
		before string
		writes string // at each grant
		change func(log string) error
		want   cositest.Outcome
	}{
		{"harmless", "old\n", "granted\n", nil, cositest.Passed},
		{"secret", "old\n", "granted " + canary + "-", nil, cositest.Failed},
		{"secret of before", canary + "-\n", "granted\n", nil, cositest.Passed},
		{"nothing", "old\n", "", nil, cositest.NotReached},
		{"emptied", strings.Repeat("old", 1000), "granted " + canary + "-", func(log string) error { return os.Truncate(log, 0) }, cositest.Failed},
		{"gone", "old\n", "", os.Remove, cositest.NotReached},
		{"long", "old\n", strings.Repeat("x", maxLog) + "\n", nil, cositest.Passed},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			log := write(t, one.before)
			path := drive(t, &store{grant: func(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) error {
				if one.change != nil {
					if err := one.change(log); err != nil && !os.IsNotExist(err) {
						return err
					}
				}
				if one.writes == "" {
					return nil
				}
				return appendTo(log, one.writes+r.GetName()+"\n")
			}})
			r := readReport(t, cosictl(t, "", path, "check", "-o", "json", "-run", "^GEN-11 log$", "-log", log).stdout)
			if got := r.of(t, "GEN-11 log"); got.Outcome != one.want {
				t.Errorf("%s: %s", got.Outcome, got.Reason)
			}
		})
	}
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
}

// An unchecked demand fails a strict check alone, which says what it is in each format.
func TestStrict(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	args := []string{"check", "-run", "^(INFO-1|CREATE-7)$"}
	must(t, "", path, args...)
	junit := filepath.Join(t.TempDir(), "junit.xml")
	o := cosictl(t, "", path, append(args, "-strict", "-o", "json", "-junit", junit)...)
	o.oneErrorLine(t, "check: -strict: ", "INFO-2, ", " more")
	r := readReport(t, o.stdout)
	told := strings.Join(r.Unchecked, "\n")
	if o.code != exitFailed || r.OK || !strings.Contains(told, "CREATE-7 (needs ") || !strings.Contains(told, "CREATE-1 (left out)") {
		t.Errorf("exit code %d, report %+v", o.code, r)
	}
	s := readSuite(t, junit)
	if last := s.Cases[len(s.Cases)-1]; last.Name != "strict" || last.Error == nil || !strings.Contains(last.Error.Message, "CREATE-7 (needs ") {
		t.Errorf("the last case of the JUnit file is %+v", last)
	}
}

// The flags of hooks reach the kit as hooks, and an empty object says that there are no such parameters.
func TestHooksAreConfigured(t *testing.T) {
	t.Parallel()
	v := &invocation{options: defaults(os.Getenv)}
	set := newFlagSet("check")
	v.commonFlags(set)
	v.checkFlags(set)
	none := write(t, "{}")
	if _, err := parse(set, []string{
		"-endpoint", socket(t), "-access-command", "a", "-foreign-command", "b", "-count-command", "c", "-outage-command", "d",
		"-restart-command", "e", "-hook-timeout", "7s", "-log", none, "-destructive", "-incompatible-parameters", none,
		"-incompatible-access-parameters", none, "-unprovisionable-parameters", none,
	}); err != nil {
		t.Fatal(err)
	}
	cfg, err := v.config()
	if err != nil {
		t.Fatal(err)
	}
	h := v.checks.hooks
	if h.Access+h.Foreign+h.Count+h.Outage+h.Restart != "abcde" || h.Limit != 7*time.Second {
		t.Errorf("hooks are %+v", h)
	}
	if cfg.Access == nil || cfg.MakeForeignBucket == nil || cfg.CountAccounts == nil || cfg.Outage == nil || cfg.Restart == nil || cfg.Log == nil {
		t.Errorf("config is %+v", cfg)
	}
	for _, parameters := range []map[string]string{cfg.IncompatibleBucketParameters, cfg.IncompatibleAccessParameters, cfg.UnprovisionableParameters} {
		if parameters == nil || len(parameters) > 0 {
			t.Errorf("parameters are %v", parameters)
		}
	}
	if !cfg.Destructive {
		t.Error("not destructive")
	}
}

func TestUsageErrorsOfHooks(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name string
		args []string
		word string
	}{
		{"no command", []string{"-access-command", " "}, "want a command for /bin/sh"},
		{"no time", []string{"-hook-timeout", "0"}, "-hook-timeout must be more than 0"},
		{"no log", []string{"-log", "/nowhere/log"}, "-log: open /nowhere/log"},
		{"log without name", []string{"-log", ""}, "-log: "},
		{"log is a folder", []string{"-log", t.TempDir()}, "no regular file"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			o := cosictl(t, "", "/nowhere/c.sock", append([]string{"check"}, one.args...)...)
			o.oneErrorLine(t, one.word)
			if o.code != exitUsage || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
		})
	}
}
